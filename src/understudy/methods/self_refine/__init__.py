"""Self-Refine: a model criticises its own answer and rewrites it until it has no complaint.

Madaan et al. 2023, "Self-Refine: Iterative Refinement with Self-Feedback", Algorithm 1.
https://arxiv.org/abs/2303.17651

The presets are the paper's seven tasks with its rounds, temperatures, aspects and scales. Writer and
critic may be different models. With `source=verifier` the reference decides whether to go on. That is
the paper's oracle feedback: it bounds what feedback can do, and is no result of the model.

Departures: the prompts are our own and have no exemplars, which chat models do not need (paper: 0 to
15). The feedback prompt does not presuppose a fault; the released one for maths does. Feedback and
rewrite are two calls for maths too, and its solutions are prose, not programs. The words that end the
loop count only at the end of feedback (released code: anywhere in it). Replies may be longer than the
paper's 300 tokens. Where there are scores, the last version is scored too and the first may win; the
released code looks at neither. The aspects' scores are added up here, not by the model, and ties go to
the earlier version. The stops `unchanged`, `threshold` and `patience`, the comparison by a judge,
tests as feedback and a window on the history are not in the paper. A rewrite or feedback that is cut
off, empty or refused ends the loop, and the version before it stands (released code: three tries, then
the task is left out). Accuracy is that of the answer that is kept. The published evaluation on GSM8K
counts a problem from its first right version on, whatever comes after: the report calls that "any
right". The paper's greedy decoding "with temperature 0.7" is sampling at 0.7.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, cast

from pydantic import Field, model_validator

from understudy.call.model import Model
from understudy.handles.sandbox import Sandbox
from understudy.methods import method
from understudy.types import Example, Json, Rejection, Sampling, Settings, Task

from .feedback import Critics, Source, write
from .preset import Name, Preset, load_preset, read_constants, read_preset
from .prompts import Prompts, TaskPrompts, visible_tests
from .report import report
from .rows import build_answer, build_pair, build_steps, find_evidence
from .trace import Cost, Version, count_calls, count_drops, current, find_best, history, record


class Config(Settings):
    preset: Name | Preset = "general"
    """The kind of task: its prompts, and the paper's constants for what is not set. One of general,
    sentiment, dialogue, code_speed, code_readability, math, acronym, constrained; or a YAML file."""
    prompts: Prompts = Field(default_factory=Prompts.load)
    """Wording that all presets share: your own entries, as a YAML file."""
    rounds: int = Field(default=4, ge=0)
    """Most rewrites per task (paper: 4)."""
    source: Source = "critic"
    """Where feedback comes from: the critic; the task's visible tests, run in the sandbox; the critic,
    while the answer is not the reference (oracle); or the critic, with scores by the judge."""
    feedback: Literal["text", "structured"] = "text"
    """What the critic writes: text; or JSON with a score, evidence and a fix for each aspect."""
    verdict: bool = True
    """Stop when the feedback has no complaint."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Stop at this part of the highest score."""
    unchanged: bool = True
    """Stop when the rewrite is the same text again."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after this many versions in a row that score below the best or that the judge turned down."""
    compare: bool = False
    """Accept a rewrite only if the judge prefers it in both orders."""
    history: int | None = Field(default=None, ge=1)
    """How many earlier versions with their feedback a rewrite is shown; all by default (paper: all)."""
    draft: bool = False
    """Begin with the answer of the step before (`meta.answer`) instead of a new one."""
    keep: Literal["answer", "pairs", "steps"] = "answer"
    """The answer; the answer as preferred to the first version, where it is better; or each rewrite that
    led to the answer, as the reply to the request for it."""
    temperature: float = Field(default=0.7, ge=0)
    """Of the first answer (paper: 0.7)."""
    feedback_temperature: float = Field(default=0.7, ge=0)
    """Of feedback (paper: 0.7)."""
    refine_temperature: float = Field(default=0.7, ge=0)
    """Of rewrites (paper: 0.7)."""
    judge_temperature: float = Field(default=0, ge=0)
    """Of the judge."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of an answer. One that is cut off is not used."""
    feedback_tokens: int = Field(default=1024, ge=1)
    """Of feedback and of the judge's replies."""
    seconds: float = Field(default=3, gt=0)
    """Time for a version's tests."""

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        settings = cast("Json", value)
        preset = read_preset(settings.get("preset", "general"))
        return {**read_constants(preset, cls.model_fields), **settings, "preset": preset}

    @model_validator(mode="after")
    def _needs_scores(self) -> Self:
        if not self.scores and self.threshold is not None:
            raise ValueError(f"threshold needs scores: {SCORES}")
        if not self.scores and not self.compare and self.patience is not None:
            raise ValueError(f"patience needs scores or compare=true: {SCORES}")
        return self

    @property
    def scores(self) -> bool:
        """Whether versions are scored."""
        return self.source != "critic" or self.feedback == "structured"


@method(paper="arXiv:2303.17651", report=report, seeds="builtin:arithmetic")
async def self_refine(
    task: Task, writer: Model, critic: Model, judge: Model, sandbox: Sandbox, config: Config
) -> Example | Rejection | list[Example]:
    """The version with the best score, of equals the earlier one; without scores the last version.
    `meta.trace` has all versions with their feedback, `meta.stop_reason` why there are no more, and
    `meta.chosen` which one it is."""
    if reason := find_missing(task, config):
        return Rejection(reason=reason, meta=task.meta)
    cost = Cost()
    writer, critic, judge = (count_calls(model, cost) for model in (writer, critic, judge))
    x = pose(task, config)
    critics = assemble_critics(x, critic, judge, sandbox, config)
    refining = Sampling(temperature=config.refine_temperature, max_tokens=config.max_tokens)

    y = await draft(x, writer, config)
    if not y:
        return reject_for_no_answer(task, config)
    cost.first = cost.calls, cost.tokens
    trace = [Version(y)]
    while True:
        is_last = len(trace) > config.rounds
        if trace[-1].accepted and (config.scores or not is_last):
            fb = await critics.give_feedback(y, last=is_last)
            trace[-1] = trace[-1]._replace(feedback=fb)
        if stop := find_stop(trace, config):
            break
        y = await write(writer, x.for_rewrite(history(trace, config.history)), refining)
        if stop := find_dead_end(y, trace, config):
            break
        accepted = not config.compare or await critics.prefer(y, current(trace).text)
        trace.append(Version(y, accepted=accepted))
    trace = [await critics.grade(version) for version in trace]
    return await build_rows(x, trace, stop, cost, critics, config)


def find_stop(trace: Sequence[Version], config: Config) -> str:
    """Why the loop ends with the feedback on the current version; empty where it goes on."""
    fb, is_last = current(trace).feedback, len(trace) > config.rounds
    if fb is None:
        return "rounds" if is_last and not config.scores else "no complete feedback"
    if fb.content and config.verdict:
        return "no complaint"
    if fb.score is not None and config.threshold is not None and fb.score >= config.threshold:
        return "score reached"
    if config.patience is not None and count_drops(trace) >= config.patience:
        return "no improvement"
    return "rounds" if is_last else ""


def find_dead_end(y: str, trace: Sequence[Version], config: Config) -> str:
    """Why a rewrite is no new version; empty where it is one."""
    if not y:
        return "no complete rewrite"
    return "unchanged" if config.unchanged and y in (current(trace).text, trace[-1].text) else ""


def find_missing(task: Task, config: Config) -> str:
    """What the settings need and the task does not have."""
    if config.source == "tests" and not visible_tests(task):
        return "no tests"
    if config.source == "verifier" and task.reference is None:
        return "no reference"
    return "no answer to begin with" if config.draft and not task.meta.get("answer") else ""


def pose(task: Task, config: Config) -> TaskPrompts:
    """x, with all that is asked about it."""
    tests = visible_tests(task) if config.source == "tests" else ()
    return TaskPrompts(task, load_preset(config.preset), config.prompts, config.verdict, tests)


def assemble_critics(
    x: TaskPrompts, critic: Model, judge: Model, sandbox: Sandbox, config: Config
) -> Critics:
    """All that may say something about an answer, as the settings have it."""
    feedback_tokens = config.feedback_tokens
    return Critics(
        x, critic, judge, sandbox, config.source,
        structured=config.feedback == "structured",
        criticising=Sampling(temperature=config.feedback_temperature, max_tokens=feedback_tokens),
        judging=Sampling(temperature=config.judge_temperature, max_tokens=feedback_tokens),
        seconds=config.seconds,
    )  # fmt: skip


async def draft(x: TaskPrompts, writer: Model, config: Config) -> str:
    """y_0; empty where there is none that is complete."""
    if config.draft:
        return str(x.task.meta["answer"]).strip()
    sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens)
    return await write(writer, x.for_answer(), sampling)


def reject_for_no_answer(task: Task, config: Config) -> Rejection:
    """Without a first answer there is nothing to refine. The report counts the task as wrong."""
    meta: Json = {"trace": [], "stop_reason": NO_ANSWER, "feedback_source": config.source}
    return Rejection(reason=NO_ANSWER, meta=task.meta | meta | {"reference": task.reference})


async def build_rows(
    x: TaskPrompts, trace: list[Version], stop: str, cost: Cost, critics: Critics, config: Config
) -> Example | Rejection | list[Example]:
    """What `keep` says."""
    chosen, evidence = find_best(trace), ""
    if config.keep == "pairs":
        evidence = await find_evidence(critics, trace, chosen, compares=config.compare)
    meta: Json = {
        **x.task.meta,
        "trace": record(trace),
        "stop_reason": stop,
        "chosen": chosen,
        "feedback_source": "verifier (oracle)" if config.source == "verifier" else config.source,
        "cost": cost.as_json(),
    }
    match config.keep:
        case "answer":
            return build_answer(x, trace[chosen], meta)
        case "pairs":
            return build_pair(x, trace, chosen, evidence, meta)
        case "steps":
            return build_steps(x, trace, chosen, meta)


NO_ANSWER = "no complete answer"
SCORES = "set feedback=structured, or source=judge, tests or verifier"
