"""Commands that list what there is: `methods`, `prompts`, `formats` and `models`."""

from textwrap import indent
from typing import Annotated

import typer

from understudy.cli.command import guard, say


@guard
def methods(
    name: Annotated[str, typer.Argument(help="The method or filter whose settings to list.")] = "",
) -> None:
    """List methods and filters, or the settings of one."""
    from understudy.runs.listing import describe, listing

    print(describe(name) if name else listing())


@guard
def prompts(
    method: Annotated[str, typer.Argument(help="A method, e.g. self_refine.")],
    file: Annotated[str, typer.Argument(help="Another of its files, e.g. presets/math.yaml.")] = "",
) -> None:
    """Print a method's prompts, to edit and run with prompts=FILE."""
    from understudy.runs.prompt_files import find_prompts

    prompts = find_prompts(method, file)
    print(prompts.path.read_text("utf-8"), end="")
    if prompts.others and not file:
        say(f"understudy: further files of {method}: {', '.join(prompts.others)}")


@guard
def formats() -> None:
    """List the formats that export writes.

    Those of installed packages are among them."""
    from understudy.exports.formats import formats as all_formats

    for format in all_formats().values():
        print(f"{format.name:<18} {format.about}")


@guard
def models() -> None:
    """List the built-in models and how to name others."""
    from understudy.pocket.models import listing
    from understudy.providers.connect import list_models

    print(listing())
    print("\nmodel strings\n" + indent(list_models(), "  "))
