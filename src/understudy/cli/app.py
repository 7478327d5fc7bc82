"""The command line: parse, call, print."""

import asyncio
import gc
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from textwrap import indent
from typing import Annotated, ParamSpec

import typer

from understudy.errors import (
    ConfigError,
    Interrupted,
    MethodError,
    RunFolderError,
    UnderstudyError,
    nearest,
)

P = ParamSpec("P")

app = typer.Typer(
    name="understudy",
    help="Turn a teacher model and a handful of seeds into training data that can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Target = Annotated[str, typer.Argument(help="A recipe (.yaml), or the name of a method.")]
Flags = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="Settings, over those of the recipe: budget=5 models.teacher=openai:gpt-5-mini",
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]


def _errors(command: Callable[P, int | None]) -> Callable[P, None]:
    """Expected errors are told in words, with a code for each kind: 2 for what the user must mend
    before it can run, 3 for what stops a run that can go on."""

    @wraps(command)
    def guard(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except UnderstudyError as error:
            if isinstance(error, MethodError):
                _say(error.traceback)
            _say(f"understudy: {error}")
            code = 2 if isinstance(error, ConfigError | MethodError | RunFolderError) else 3
            if isinstance(error, Interrupted):
                code = 128 + error.signal
        except (KeyboardInterrupt, asyncio.CancelledError):
            _say("understudy: stopped. What was answered is kept; the same command goes on.")
            code = 130
        except BrokenPipeError:
            # Who read our output has gone: nothing to say, and nobody to say it to.
            sys.stderr.close()
            code = 0
        raise typer.Exit(code or 0)

    return guard


def _version(print_it: bool) -> None:
    if print_it:
        from importlib.metadata import version

        print(version("understudy"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a teacher model and a handful of seeds into training data that can be trusted."""
    del version


@app.command()
@_errors
def run(target: Target, flags: Flags = None) -> int:
    """Run a recipe, or go on with it: the same command continues where it stopped.

    understudy run recipe.yaml budget=5

    understudy run self_consistency seeds=questions.jsonl models.teacher=openai:gpt-5-mini samples=20

    understudy methods recipe lists the keys of a recipe, understudy methods NAME those of a method.

    Ctrl-C once lets the calls under way finish, twice stops now. Exit codes: 0 done, 1 done without
    one example, 2 recipe, seeds or folder are wrong, 3 stopped and can go on, 128 + signal.
    """
    from rich.console import Console

    from understudy.runs.attempt import execute
    from understudy.runs.display import display
    from understudy.runs.recipe import load
    from understudy.runs.resolve import resolve

    recipe = resolve(load(target, flags or []))
    console = Console(stderr=True)
    _collect_rarely()
    summary = asyncio.run(execute(recipe, display=display(console), notice=_say))
    # Only now: what writes files takes longer to import than the first reply to come.
    from understudy.exports.export import export_all
    from understudy.runs.facts import cost_of
    from understudy.runs.reader import Run

    done = Run(summary.out)
    export_all(done)

    print(
        f"{summary.out}: {summary.status}; {summary.examples:,} examples, {summary.rejected:,} "
        f"rejected, {summary.failed:,} failed; {summary.tally.sent:,} calls sent, "
        f"{summary.tally.replayed:,} replies from the journal; cost {cost_of(done.records.totals())}"
    )
    if summary.why:
        _say(f"understudy: {summary.why}")
    if summary.failed:
        _say(
            f"understudy: {summary.failed:,} tasks failed; understudy show {summary.out} says why."
        )
    if summary.signal:
        return 128 + summary.signal
    if summary.status != "done":
        return 3
    return 0 if summary.examples else 1


@app.command()
@_errors
def plan(
    target: Target,
    flags: Flags = None,
    tasks: Annotated[int, typer.Option(help="How many seeds to try.")] = 5,
) -> None:
    """Run a few seeds and say what all of them would come to. Nothing is paid twice: the run itself
    goes on from there."""
    from understudy.reports.plan import estimate
    from understudy.runs.recipe import load
    from understudy.runs.resolve import resolve

    print(asyncio.run(estimate(resolve(load(target, flags or [])), tasks, notice=_say)))


@app.command()
@_errors
def show(folder: Folder) -> None:
    """What a run made: counts, reasons, cost, and the figures of its methods."""
    from understudy.reports.text import render_text
    from understudy.runs.facts import collect
    from understudy.runs.reader import Run

    run = Run(folder)
    print(render_text(run, collect(run)))


@app.command()
@_errors
def why(folder: Folder, task: Annotated[str, typer.Argument(help="A task's id.")]) -> None:
    """Why a task's rows are what they are: the calls behind them, and which were paid again."""
    from understudy.reports.why import why as account
    from understudy.runs.reader import Run

    print(account(Run(folder), task))


@app.command()
@_errors
def export(
    folder: Folder,
    to: Annotated[
        Path | None,
        typer.Option(
            help="File: .jsonl, .jsonl.gz or .parquet (extra parquet); else all of the run's."
        ),
    ] = None,
    format: Annotated[
        str, typer.Option(help="The shape of a row; understudy formats lists them.")
    ] = "messages",
    step: Annotated[str, typer.Option(help="A step's label; the last one by default.")] = "",
) -> None:
    """Write a run's examples to a file, in the shape that a trainer reads."""
    from understudy.exports.export import export as write_one
    from understudy.exports.export import export_all
    from understudy.exports.formats import find_format
    from understudy.runs.reader import Run

    run, kind = Run(folder), find_format(format)
    if step and step not in run.labels:
        raise ConfigError(f"no step {step!r}{nearest(step, run.labels)}")
    if to is None:
        for file in export_all(run, again=True):
            print(file)
    else:
        print(f"{to}: {write_one(run, to, kind, step):,} rows")


@app.command()
@_errors
def formats() -> None:
    """The formats that export writes, those of installed packages included."""
    from understudy.exports.formats import formats as all_formats

    for format in all_formats().values():
        print(f"{format.name:<18} {format.about}")


@app.command()
@_errors
def record(folder: Folder, to: Annotated[Path, typer.Argument(help="A .jsonl file.")]) -> None:
    """Write every reply of a run to a file that `recorded:FILE` replays."""
    from understudy.providers.recorded import record as write_replies
    from understudy.runs.reader import Run

    print(f"{to}: {write_replies(Run(folder).records, to):,} replies")


@app.command()
@_errors
def methods(
    name: Annotated[str, typer.Argument(help="One of them, with its settings.")] = "",
) -> None:
    """The methods and filters there are, and their settings."""
    from understudy.runs.listing import describe, listing

    print(describe(name) if name else listing())


@app.command()
@_errors
def prompts(
    method: Annotated[str, typer.Argument(help="A method, e.g. self_refine.")],
    file: Annotated[str, typer.Argument(help="Another of its files: presets/math.yaml.")] = "",
) -> None:
    """Print a method's prompts, to edit and run with prompts=FILE."""
    from understudy.runs.prompt_files import find_prompts

    prompts = find_prompts(method, file)
    print(prompts.path.read_text("utf-8"), end="")
    if prompts.others and not file:
        _say(f"understudy: further files of {method}: {', '.join(prompts.others)}")


@app.command()
@_errors
def doctor(
    model: Annotated[
        str,
        typer.Argument(help="e.g. openai:qwen3-8b@http://localhost:8000/v1; none: this machine."),
    ] = "",
    key_env: Annotated[str, typer.Option(help="The environment variable with the key.")] = "",
) -> int:
    """Check an endpoint: whether it answers, takes the key, and which features really work."""
    from understudy.runs.doctor import examine

    report = asyncio.run(examine(model, key_env))
    print(report.text)
    return 0 if report.well else 1


@app.command()
@_errors
def models() -> None:
    """The built-in models and what they are, and how other models are named."""
    from understudy.pocket.models import listing
    from understudy.providers.connect import list_models

    print(listing())
    print("\nmodel strings\n" + indent(list_models(), "  "))


@app.command()
@_errors
def serve(
    model: Annotated[str, typer.Argument(help="pocket or pocket:student.")] = "pocket",
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any free one.", min=0, max=65535)] = 8000,
    public: Annotated[
        bool,
        typer.Option("--public", help="Allow a host that others can reach: there are no keys."),
    ] = False,
) -> None:
    """Serve a built-in model as an endpoint of OpenAI's dialect, until Ctrl-C."""
    from understudy.pocket.models import HONESTY, load
    from understudy.pocket.serve import serve as serving

    def ready(url: str) -> None:
        _say(HONESTY)
        if public:
            _say(f"understudy: whoever reaches {url} is served, without a key.")
        print(f"{model} at {url}; as a model string: openai:{model}@{url}", flush=True)

    asyncio.run(serving(model, load(model), host=host, port=port, public=public, ready=ready))


def _collect_rarely() -> None:
    """Have the cycle collector look at what is new, and less often: with thousands of tasks alive it
    took a quarter of a run's CPU to find next to nothing (benchmarks/throughput.py). It is the
    process's own setting, so only the command changes it."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def main() -> None:
    """The `understudy` command."""
    app()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
