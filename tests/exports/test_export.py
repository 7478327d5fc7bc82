"""What is exported at the end of an attempt, when it is written again, and what is left when it fails."""

import os
from pathlib import Path

import pytest

import understudy
from understudy import open_run
from understudy.errors import ConfigError, RunFolderError
from understudy.exports import export as module
from understudy.exports.export import STAMP, export, export_all
from understudy.exports.formats import find_format
from understudy.runs.reader import Run

FILES = ["README.md", "data/train.jsonl", "data/train.parquet", "failures.jsonl", "rejected.jsonl",
         "report.html"]  # fmt: skip


def run(model: str = "yes", **changes: object) -> Run:
    Path("script.py").write_text(
        "from understudy.errors import Rejected\n"
        "def yes(call):\n    return 'The answer is 7.'\n"
        "def no(call):\n    raise Rejected('400: no')\n"
    )
    recipe: dict[str, object] = {
        "seeds": [{"id": f"t{i}", "prompt": f"{i}?"} for i in range(3)],
        "models": {"teacher": f"scripted:script.py:{model}"},
        "steps": [{"self_consistency": {"samples": 1, "shots": 0}}],
        "out": "out",
        **changes,
    }
    understudy.run(**recipe)
    return open_run("out")


def names(files: list[Path]) -> list[str]:
    return sorted(str(file.relative_to("out")) for file in files)


def test_everything_is_written_at_the_end_of_an_attempt() -> None:
    run()
    for name in FILES:
        assert Path("out", name).is_file(), name


def test_what_has_not_changed_is_not_written_again_but_on_demand() -> None:
    finished = run()
    assert export_all(finished) == []
    assert names(export_all(finished, again=True)) == FILES


@pytest.mark.parametrize("change", ["missing", "older"])
def test_what_may_have_changed_is_written_again(change: str) -> None:
    finished = run()
    if change == "missing":
        Path("out", STAMP).unlink()
    else:
        Path("out", STAMP).write_text("another state")
    assert names(export_all(finished)) == FILES


def test_new_rows_are_exported() -> None:
    run(max_seeds=2)
    assert len(Path("out/data/train.jsonl").read_text().splitlines()) == 2


def test_without_the_extra_a_parquet_file_that_lacks_rows_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finished = run()
    monkeypatch.setattr(module, "has_parquet", lambda: False)
    files = names(export_all(finished, again=True))
    assert files == [name for name in FILES if name != "data/train.parquet"]
    assert Path("out/data/train.parquet").is_file(), "it is of this very state"
    assert "data/*.parquet" in Path("out/README.md").read_text()
    Path("out", STAMP).write_text("another state")
    export_all(finished)
    assert not Path("out/data/train.parquet").exists()
    assert "data/*.jsonl" in Path("out/README.md").read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said_and_the_journal_is_safe() -> None:
    finished = run()
    Path("out/data").chmod(0o500)
    try:
        with pytest.raises(RunFolderError, match="Make the folder writable"):
            export_all(finished, again=True)
    finally:
        Path("out/data").chmod(0o700)


def test_a_file_in_the_place_of_the_folder_is_said_in_words() -> None:
    finished = run()
    for file in Path("out/data").iterdir():
        file.unlink()
    Path("out/data").rmdir()
    Path("out/data").write_text("in the way")
    with pytest.raises(RunFolderError, match=r"out: the exports could not be written: File exists"):
        export_all(finished, again=True)
    assert len(list(finished.examples())) == 3


def test_a_run_without_examples_has_empty_files() -> None:
    run("no")
    assert Path("out/data/train.jsonl").read_text() == ""
    assert len(Path("out/failures.jsonl").read_text().splitlines()) == 3


def test_one_file_can_be_written_in_any_format() -> None:
    finished, file = run(), Path("alpaca.jsonl")
    assert export(finished, file, find_format("alpaca")) == 3
    assert len(file.read_text().splitlines()) == 3


def test_a_format_that_cannot_express_an_example_is_refused_and_the_file_stays() -> None:
    finished, file = run(), Path("pairs.jsonl")
    file.write_text("old")
    with pytest.raises(ConfigError, match="preference"):
        export(finished, file, find_format("preference"))
    assert file.read_text() == "old"
