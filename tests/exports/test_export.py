"""The files made from a run's journal."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import understudy
from understudy import open_run
from understudy.errors import ConfigError, RunFolderError
from understudy.exports.export import OTHERS, PARQUET, STAMP, export, export_all
from understudy.exports.formats import find_format

SCRIPT = """
def answer(call):
    return f"The answer is {call.task[1:]}."
"""
ALL = [Path("out") / name for name in (OTHERS[0], PARQUET, *OTHERS[1:])]


@pytest.fixture(autouse=True)
def run(own_folder: None) -> None:
    Path("script.py").write_text(SCRIPT)
    understudy.run(
        seeds=[{"id": f"t{i}", "prompt": f"{i}?"} for i in range(12)] + [{"x": 1}],
        models={"teacher": "scripted:script.py:answer"},
        steps=[
            {"self_consistency": {"samples": 1, "shots": 0}},
            {"length": {"max_characters": 16}},
        ],
        out="out",
    )


def test_everything_is_written_at_the_end_of_a_run_in_one_format() -> None:
    assert all(file.is_file() for file in ALL)
    assert len(Path("out/data/train.jsonl").read_text().splitlines()) == 10
    assert len(Path("out/rejected.jsonl").read_text().splitlines()) == 2
    assert len(Path("out/failures.jsonl").read_text().splitlines()) == 1
    assert "path: data/*.parquet" in Path("out/README.md").read_text()


def test_nothing_is_written_again_unless_something_changed_or_it_is_demanded() -> None:
    assert export_all(open_run("out")) == []
    assert export_all(open_run("out"), again=True) == ALL


@pytest.mark.parametrize("file", ALL, ids=str)
def test_each_file_is_named_among_those_written_and_made_anew(file: Path) -> None:
    before = file.read_bytes()
    file.unlink()

    assert file in export_all(open_run("out"), again=True)

    if file.suffix != ".parquet":
        assert file.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        "update totals set sent = sent + 1",
        "update totals set reused = reused + 1",
        "update attempts set status = 'stopped'",
    ],
)
def test_calls_and_the_end_of_the_run_count_as_changes(change: str) -> None:
    with closing(sqlite3.connect("out/journal.db")) as journal, journal:
        journal.execute(change)

    assert export_all(open_run("out")) == ALL
    assert export_all(open_run("out")) == []


def test_rows_that_came_without_a_call_count_as_a_change() -> None:
    train = Path("out/data/train.jsonl")
    with closing(sqlite3.connect("out/journal.db")) as journal, journal:
        journal.execute("delete from rows where kind = 'failure'")
    train.write_text("")

    assert export_all(open_run("out")) == ALL
    assert len(train.read_text().splitlines()) == 10


def test_without_the_extra_a_parquet_file_of_other_rows_does_not_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("understudy.exports.export.has_parquet", lambda: False)

    assert Path(PARQUET) not in export_all(open_run("out"), again=True)
    assert (Path("out") / PARQUET).is_file(), "nothing changed: it has the same rows"

    Path("out", STAMP).write_text("another state")
    files = export_all(open_run("out"))
    assert files == [file for file in ALL if file.suffix != ".parquet"]
    assert not (Path("out") / PARQUET).exists()
    assert "path: data/*.jsonl" in Path("out/README.md").read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_a_run_folder_error() -> None:
    Path("out/data").chmod(0o500)
    try:
        with pytest.raises(RunFolderError, match="export again"):
            export_all(open_run("out"), again=True)
    finally:
        Path("out/data").chmod(0o700)


def test_a_file_in_the_place_of_the_folder_is_a_run_folder_error_that_says_what_to_do() -> None:
    data = Path("out/data")
    data.rename("out/elsewhere")
    data.touch()

    with pytest.raises(RunFolderError, match=r"The journal is safe; .* understudy export out"):
        export_all(open_run("out"))


def test_one_file_holds_the_examples_of_the_last_step_or_of_another() -> None:
    opened = open_run("out")

    assert export(opened, Path("last.jsonl"), find_format("alpaca")) == 10
    assert export(opened, Path("first.jsonl"), find_format("alpaca"), "self_consistency") == 12
    assert len(Path("first.jsonl").read_text().splitlines()) == 12


def test_a_file_of_another_kind_is_refused_in_its_own_words() -> None:
    with pytest.raises(ConfigError, match=r"rows\.csv: expected a name that ends in \.jsonl"):
        export(open_run("out"), Path("rows.csv"), find_format("messages"))


def test_what_a_format_cannot_express_is_an_error_of_the_user_and_leaves_the_file() -> None:
    Path("pairs.jsonl").write_text("before")

    with pytest.raises(ConfigError, match="example 't0': preference needs rejected turns"):
        export(open_run("out"), Path("pairs.jsonl"), find_format("preference"))

    assert Path("pairs.jsonl").read_text() == "before"
