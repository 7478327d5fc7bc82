"""The table of formats: what holds for each of them, and what installed packages add."""

import re
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from conversations import CALLS, CAT, CHAT
from hypothesis import given
from hypothesis import strategies as st

from understudy.data.read import read_tasks
from understudy.errors import ConfigError
from understudy.exports.formats import FORMATS, Format, encode, find_format, formats
from understudy.exports.write import write
from understudy.types import Example, Json, Task, assistant, system, user

FULL = msgspec.structs.replace(CHAT, rejected=(assistant("a0"),))


def row(example: Example, name: str, *, extras: bool = True) -> Json:
    (only,) = encode(example, find_format(name), extras=extras)
    return only


# What holds for every format, a new one too


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_a_format_has_a_name_for_the_command_line_and_one_line_about_it(format: Format) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]*", format.name)
    assert format.about.strip()
    assert "\n" not in format.about
    assert find_format(format.name) is format


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_a_format_declares_the_columns_that_its_rows_have(format: Format, tmp_path: Path) -> None:
    rows = list(encode(FULL, format))
    file = tmp_path / "t.parquet"

    assert write([FULL], file, format) == len(rows)

    assert pq.read_schema(file).names == ["id", *format.arrow, "meta"]
    assert {*rows[0]} <= {"id", "meta", *format.arrow}


# Rows


def test_a_row_has_the_id_and_what_else_is_known() -> None:
    assert row(CHAT, "alpaca", extras=False).keys() == {
        "id", "instruction", "input", "output", "system", "history",
    }  # fmt: skip
    assert row(CHAT, "messages")["meta"] == {
        "reference": "r",
        "choices": ["x", "y"],
        "tests": ["assert t"],
        "scores": {"votes": 0.5},
        "lineage": ["vote/t1"],
        "meta": {"k": [1, {"z": None}]},
    }


def test_formats_of_one_answer_keep_the_rejected_one_as_an_extra() -> None:
    pair = Example(messages=(user("q"), assistant("a")), rejected=(assistant("b"),))

    assert row(pair, "messages")["meta"] == {"rejected": "b"}
    assert row(pair, "preference")["meta"] == {}


def test_a_format_that_gives_no_row_does_not_drop_the_example_silently() -> None:
    nothing = Format("nothing", lambda _: [], {"text": "text"}, "No row at all.")

    with pytest.raises(ValueError, match=r"example 'e1': nothing needs .*; found nothing to write"):
        list(encode(CHAT, nothing))


# Reading back

TEXTS = st.text(min_size=1, max_size=30).filter(lambda text: bool(text.strip()))


@st.composite
def chats(draw: st.DrawFn) -> Example:
    """Conversations that the five formats can express."""
    turns = [system(draw(TEXTS))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        turns += [user(draw(TEXTS)), assistant(draw(TEXTS))]
    return Example(
        id=draw(TEXTS),
        messages=tuple(turns),
        rejected=(assistant(draw(TEXTS)),),
        reference=draw(TEXTS),
        choices=tuple(draw(st.lists(TEXTS, max_size=3))),
        tests=tuple(draw(st.lists(TEXTS, max_size=2))),
        scores=draw(st.dictionaries(TEXTS, st.floats(0, 1), max_size=2)),
        meta=draw(st.dictionaries(TEXTS.map("m_{}".format), st.integers(0, 9), max_size=2)),
        lineage=tuple(draw(st.lists(TEXTS, max_size=2))),
    )


def expect(example: Example, format: str) -> Task:
    """What `Example.as_task` makes of it, and the extras."""
    task = example.as_task()
    extras: Json = {"scores": example.scores, "lineage": list(example.lineage)}
    meta = {**{name: value for name, value in extras.items() if value}, **task.meta}
    if format == "alpaca":  # its column `output` stays what it is
        meta["output"] = meta.pop("answer")
        meta["input"] = ""
        if example.messages[0].role != "system":
            meta["system"] = ""
    fields = {
        name: getattr(task, name) for name in ("id", "prompt", "messages", "choices", "tests")
    }
    return Task(**fields, reference=task.reference, meta=meta)


@pytest.mark.parametrize(
    "format", ["messages", "prompt-completion", "preference", "alpaca", "sharegpt"]
)
@given(example=chats())
def test_every_format_reads_back_as_the_task_that_the_example_is(
    format: str, example: Example
) -> None:
    assert list(read_tasks([row(example, format)])) == [expect(example, format)]


def test_tool_calls_and_pictures_read_back_from_messages() -> None:
    pictured = Example(id="p", messages=(user("q", CAT), assistant("a")))

    (calls, picture) = read_tasks([row(CALLS, "messages"), row(pictured, "messages")])

    assert calls == Task(id="e2", messages=CALLS.messages[:-1], meta={"answer": "a"})
    assert picture == Task(id="p", prompt="q", parts=(CAT,), meta={"answer": "a"})


# Installed packages

VISITOR = """
from understudy.exports.formats import Format

TEXT = Format("visitor", lambda example: [{"text": example.answer}], {"text": "text"}, "Answers.")
CLASH = TEXT._replace(name="alpaca")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with a package of formats, whose metadata a test writes."""
    info = tmp_path / "visitor_formats-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: visitor-formats\nVersion: 1.0\n")
    (tmp_path / "visitor_formats.py").write_text(VISITOR)
    monkeypatch.syspath_prepend(tmp_path)
    return info / "entry_points.txt"


def test_an_installed_package_adds_a_format(install: Path) -> None:
    install.write_text("[understudy.formats]\nvisitor = visitor_formats:TEXT\n")

    assert [*formats()] == [*(format.name for format in FORMATS), "visitor"]
    assert row(CHAT, "visitor", extras=False) == {"id": "e1", "text": "a2"}


def test_an_installed_format_does_not_take_the_name_of_another(install: Path) -> None:
    install.write_text("[understudy.formats]\nclash = visitor_formats:CLASH\n")

    with pytest.raises(
        ConfigError, match=r"visitor_formats:CLASH: .* found 'alpaca', which exists"
    ):
        formats()


def test_an_unknown_format_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="no format 'alpacca'; did you mean 'alpaca'"):
        find_format("alpacca")
