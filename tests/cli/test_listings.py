"""Commands that list what there is."""

from pathlib import Path

from commands import cli, run
from inline_snapshot import snapshot

from understudy.filters import filters
from understudy.methods import methods


def test_the_methods_and_filters_are_listed_and_described() -> None:
    listed = cli("methods").stdout
    for name in [*methods.names(), *filters.names()]:
        assert f"\n  {name} " in listed
        described = cli("methods", name)
        assert described.exit_code == 0
        for setting in (methods.get(name) or filters.get(name)).config.model_fields:  # type: ignore[union-attr]  # it is one of both
            assert f"\n  {setting}=" in described.stdout
    assert cli("methods", "length").stdout == snapshot("""\
length: Keeps answers of a sensible length.

  min_characters=1   (>= 0)
      Shorter answers are rejected. Blanks around an answer do not count.
  max_characters=20000   (>= 1)
      Longer answers are rejected.
""")


def test_prompts_are_printed_as_they_are_shipped_and_other_files_named_beside_them() -> None:
    printed = cli("prompts", "self_refine")
    assert printed.stdout.startswith("# What Self-Refine says")
    assert "presets/math.yaml" in printed.stderr
    Path("mine.yaml").write_text(printed.stdout)
    assert run("prompts=mine.yaml").exit_code == 2, "they are another method's"
    preset = cli("prompts", "self_refine", "presets/math.yaml")
    assert preset.stdout.startswith("# Maths.")
    assert preset.stderr == ""
