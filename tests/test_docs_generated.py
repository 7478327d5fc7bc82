"""What the documentation takes from the code is as the code has it."""

from pathlib import Path

import pytest

from docs.generate import PAGES, ROOT, SECTIONS, render
from understudy.methods import methods


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_is_stale(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert render(text, page) == text, "stale: run python -m docs.generate (or just docs)"


def test_every_section_is_on_a_page_and_every_method_has_its_settings_there() -> None:
    everything = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

    for name in SECTIONS:
        assert f"<!-- generated: {name}" in everything, name
    for name in methods.all():
        assert f"<!-- generated: settings {name} -->" in everything, name


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(ValueError, match="no section 'method'; did you mean 'methods'"):
        render("<!-- generated: method -->\n<!-- end -->", Path("x.md"))


def test_what_is_between_the_marks_is_replaced_and_nothing_else() -> None:
    page = ROOT / "docs" / "x.md"

    text = render("a\n<!-- generated: formats -->\nold\n<!-- end -->\nb", page)

    assert text.startswith("a\n<!-- generated: formats -->\n\n| format | ")
    assert text.endswith("\n\n<!-- end -->\nb")
    assert "old" not in text
    assert render(text, page) == text
