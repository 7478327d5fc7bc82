"""The tables and help texts of the documentation, made from the code: `python -m docs.generate`.

A page says where one goes:

    <!-- generated: methods -->
    <!-- end -->

What is between the two lines is replaced. `tests/test_docs_generated.py` fails while a page is stale.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from typer.testing import CliRunner

from understudy import errors
from understudy.cli.app import app
from understudy.errors import UnderstudyError
from understudy.exports.formats import FORMATS
from understudy.filters import filters
from understudy.methods import methods
from understudy.providers.table import PROVIDERS
from understudy.registry import Definition
from understudy.runs.listing import list_settings
from understudy.runs.recipe import ModelSettings, Recipe, find

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARKED = re.compile(r"(<!-- generated: ([^\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def render(text: str, page: Path) -> str:
    """A page with all that is generated in it made anew."""

    def replace(match: re.Match[str]) -> str:
        name, *arguments = match[2].split()
        if name not in SECTIONS:
            raise ValueError(f"{page.name}: no section {name!r}{errors.nearest(name, SECTIONS)}")
        return f"{match[1]}\n{SECTIONS[name](page, *arguments)}\n\n{match[3]}"

    return MARKED.sub(replace, text)


def list_methods(page: Path) -> str:
    """The methods that come with the package."""
    return _table(
        ("method", "paper", "what it does"),
        (
            (_link(page, definition), _cite(definition.paper), _strip_name(definition.about))
            for definition in methods.all().values()
        ),
    )


def list_filters(_: Path) -> str:
    """The filters that come with the package."""
    return _table(
        ("filter", "paper", "what it does"),
        ((f"`{d.name}`", _cite(d.paper), _strip_name(d.about)) for d in filters.all().values()),
    )


def list_formats(_: Path) -> str:
    """The export formats."""
    return _table(
        ("format", "who reads it, and a row"), ((f"`{f.name}`", f.about) for f in FORMATS)
    )


def list_providers(_: Path) -> str:
    """The providers, each with a model string and the variable that its key is read from."""
    return _table(
        ("provider", "who answers", "a model string", "key"),
        (
            (f"`{p.name}`", p.about, f"`{p.example}`", f"`{p.key}`" if p.key else "")
            for p in PROVIDERS
        ),
    )


def show_settings(_: Path, name: str) -> str:
    """The settings of a method or filter, of a recipe, or of one of its models."""
    kinds = {"recipe": Recipe, "model": ModelSettings}
    kind = kinds[name] if name in kinds else find(name).config
    return _table(
        ("setting", "default", "may be", "what it is"),
        (
            (f"`{s.name}`", f"`{s.default}`" if s.default else "", s.bounds, s.about)
            for s in list_settings(kind)
        ),
    )


def show_commands(_: Path) -> str:
    """The help of every command."""
    names = [c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands]
    blocks = ["```text", _help(), "```"]
    for name in names:
        blocks += ["", f"### {name}", "", "```text", _help(name), "```"]
    return "\n".join(blocks)


def list_errors(_: Path) -> str:
    """The tree of errors."""
    return _table(("error", "what it means"), _errors(UnderstudyError, 0))


SECTIONS: dict[str, Callable[..., str]] = {
    "methods": list_methods,
    "filters": list_filters,
    "formats": list_formats,
    "providers": list_providers,
    "settings": show_settings,
    "commands": show_commands,
    "errors": list_errors,
}


def _help(*command: str) -> str:
    environment = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, [*command, "--help"], prog_name="understudy", env=environment)
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())


def _errors(kind: type[UnderstudyError], depth: int) -> Iterator[tuple[str, str]]:
    about = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    yield f"{'&emsp;' * depth}`{kind.__name__}`", about
    for inner in kind.__subclasses__():
        if inner.__module__ == errors.__name__:
            yield from _errors(inner, depth + 1)


def _link(page: Path, definition: Definition) -> str:
    """The name, with a link to the page of its paper if there is one."""
    for name in (definition.name, definition.file.parent.name):
        target = ROOT / "docs" / f"{name}.md"
        if target.is_file():
            path = target.name if page.parent == target.parent else f"docs/{target.name}"
            return f"[`{definition.name}`]({path})"
    return f"`{definition.name}`"


def _cite(paper: str) -> str:
    match = re.fullmatch(r"arXiv:(\d{4}\.\d{4,5})", paper)
    return f"[{match[1]}](https://arxiv.org/abs/{match[1]})" if match else paper


def _strip_name(about: str) -> str:
    """`Self-Refine: a model ...` without the name, which stands in another column."""
    name, _, rest = about.partition(": ")
    about = rest if rest and len(name) < 40 else about
    return about[:1].upper() + about[1:]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = render(before, page)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
