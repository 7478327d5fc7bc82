"""Seeds in: every shape that people have, and every way in which a file can be broken."""

import csv
import gzip
import json
import string
import tracemalloc
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.data.bad_row import BadSeed
from understudy.data.read import read_tasks
from understudy.errors import ConfigError
from understudy.types import Audio, Image, Task, Text, ToolCall, assistant, system, user

PNG = b"\x89PNG\r\n\x1a\n rest of a picture"


def lines(path: Path, *rows: object) -> Path:
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return path


def one(row: Mapping[str, Any], **columns: str) -> Task:
    (task,) = read_tasks([row], columns)
    assert isinstance(task, Task), task
    return task


def bad(row: Mapping[str, Any], **columns: str) -> str:
    (seed,) = read_tasks([row], columns)
    assert isinstance(seed, BadSeed), seed
    return seed.why


# What a row means


@pytest.mark.parametrize(
    "name", ["prompt", "question", "instruction", "problem", "query", "text", "input"]
)
def test_the_usual_names_of_a_prompt_are_known(name: str) -> None:
    assert one({name: "Why?"}) == Task(prompt="Why?")


@pytest.mark.parametrize(
    "name", ["reference", "answer", "output", "solution", "target", "label", "correct"]
)
def test_the_usual_names_of_a_right_answer_are_known(name: str) -> None:
    assert one({"prompt": "Why?", name: "Because."}).reference == "Because."


def test_the_first_of_several_names_wins_and_the_others_go_to_meta() -> None:
    task = one({"text": "t", "question": "q", "answer": "a", "label": 1})

    assert task == Task(prompt="q", reference="a", meta={"text": "t", "label": 1})


def test_an_empty_column_does_not_win() -> None:
    assert one({"prompt": " ", "question": "q"}) == Task(prompt="q", meta={"prompt": " "})


def test_a_mapping_wins_over_every_usual_name() -> None:
    row = {"prompt": "p", "body": "b", "answer": "a", "gold": {"text": "g"}, "subject": "s"}

    task = one(row, prompt="body", reference="gold.text", **{"meta.topic": "subject"})

    assert task == Task(
        prompt="b",
        reference="g",
        meta={"prompt": "p", "answer": "a", "gold": {"text": "g"}, "topic": "s"},
    )


def test_a_dotted_path_reaches_into_lists() -> None:
    assert one({"q": [{"t": "x"}, {"t": "y"}]}, prompt="q.1.t").prompt == "y"


def test_a_name_with_a_dot_in_it_is_a_column_first() -> None:
    assert one({"a.b": "x", "a": {"b": "y"}}, prompt="a.b").prompt == "x"


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (7.0, "7.0"), (True, "true"), (["8"], "8")])
def test_a_right_answer_that_is_no_text_becomes_text(value: object, text: str) -> None:
    assert one({"prompt": "p", "answer": value}).reference == text


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (7.0, "7"), ("x", "x"), (None, "")])
def test_an_id_becomes_text(value: object, text: str) -> None:
    assert one({"prompt": "p", "id": value}).id == text


def test_alpaca_appends_its_input_and_opens_with_system_and_history() -> None:
    row = {"instruction": "Add.", "input": "1 and 2", "output": "3", "system": "Be brief."}

    task = one({**row, "history": [["Hi", "Hello"]]})

    assert task.messages == (
        system("Be brief."),
        user("Hi"),
        assistant("Hello"),
        user("Add.\n\n1 and 2"),
    )
    assert (task.reference, task.meta) == ("3", {})


def test_alpaca_without_input_is_the_instruction_alone() -> None:
    assert one({"instruction": "Add.", "input": "", "output": "3"}) == Task(
        prompt="Add.", reference="3", meta={"input": ""}
    )


@pytest.mark.parametrize(
    "turns",
    [
        [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        [{"from": "system", "value": "s"}, {"from": "human", "value": "u"}],
    ],
)
def test_both_shapes_of_conversations_read_alike(turns: list[dict[str, str]]) -> None:
    assert one({"conversations": turns}).messages == (system("s"), user("u"))


def test_an_answer_at_the_end_of_a_conversation_is_kept_apart() -> None:
    turns = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]

    assert one({"messages": turns}) == Task(prompt="u", meta={"answer": "a"})


def test_a_call_of_a_tool_at_the_end_stays() -> None:
    call = {"type": "function", "id": "1", "function": {"name": "f", "arguments": {"x": 1}}}
    turns = [
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]

    (_, last) = one({"messages": turns}).messages

    assert last.tool_calls == (ToolCall("1", "f", '{"x":1}'),)


def test_sharegpt_calls_and_observations_are_tool_calls_and_results() -> None:
    turns = [
        {"from": "human", "value": "u"},
        {"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
        {"from": "observation", "value": "42"},
    ]

    (_, call, result) = one({"conversations": turns}).messages

    assert call.tool_calls == (ToolCall("", "f", '{"x":1}'),)
    assert (result.role, result.text) == ("tool", "42")


def test_a_conversation_wins_over_a_prompt_unless_the_mapping_says_otherwise() -> None:
    row = {"question": "q", "messages": [{"role": "user", "content": "u"}]}

    assert one(row).prompt == "u"
    assert one(row, prompt="question").prompt == "q"


@pytest.mark.parametrize(
    "turn", ["text", {"role": "wizard", "content": "x"}, {"role": "user", "content": 3}]
)
def test_a_turn_that_is_none_is_named(turn: object) -> None:
    assert "turn 2: expected" in bad({"messages": [{"role": "user", "content": "u"}, turn]})


@pytest.mark.parametrize(
    "value",
    [["x", "y"], {"A": "x", "B": "y"}, {"text": ["x", "y"], "label": ["A", "B"]}, '["x", "y"]'],
)
def test_choices_read_from_lists_records_and_json_text(value: object) -> None:
    assert one({"question": "q", "choices": value}).choices == ("x", "y")


def test_an_answer_by_number_becomes_the_letter_of_the_choice() -> None:
    row = {"question": "q", "choices": ["x", "y", "z"], "answer": 2}

    assert one(row).reference == "C"
    assert one({**row, "choices": ["1", "2", "3"]}).reference == "2"


@pytest.mark.parametrize("value", ["assert f()", ["assert f()"], '["assert f()"]'])
def test_tests_read_from_text_and_lists(value: object) -> None:
    assert one({"prompt": "p", "test": value}).tests == ("assert f()",)


def test_a_wrong_value_is_an_error_only_where_the_mapping_names_it() -> None:
    row = {"prompt": "p", "answer": {"a": 1}, "choices": 3, "test": {"t": [1]}}

    assert one(row).meta == {"answer": {"a": 1}, "choices": 3, "test": {"t": [1]}}
    for field, column in (("reference", "answer"), ("choices", "choices"), ("tests", "test")):
        assert "expected" in bad(row, **{field: column})


def test_a_meta_column_is_unpacked() -> None:
    assert one({"prompt": "p", "meta": {"a": 1}, "b": 2}).meta == {"a": 1, "b": 2}
    assert one({"prompt": "p", "meta": '{"a": 1}'}).meta == {"a": 1}
    assert one({"prompt": "p", "meta": "text"}).meta == {"meta": "text"}


def test_values_that_json_lacks_become_values_that_it_has() -> None:
    row = {
        "prompt": "p",
        "day": date(2026, 1, 2),
        "price": Decimal("1.10"),
        "raw": b"text",
        "odd": b"\xff",
        "nan": float("nan"),
        "array": np.array([1, 2]),
        "number": np.float32(0.5),
        "half": "\ud800",
        1: {2},
    }

    assert one(row).meta == {  # type: ignore[arg-type]  # the odd key is the point
        "day": "2026-01-02",
        "price": "1.10",
        "raw": "text",
        "odd": "/w==",
        "nan": None,
        "array": [1, 2],
        "number": 0.5,
        "half": "?",
        "1": [2],
    }


def test_a_value_without_any_form_in_json_is_a_bad_seed() -> None:
    assert "object" in bad({"prompt": "p", "x": object()})


def test_a_row_without_text_says_what_to_do() -> None:
    assert bad({"x": 1, "y": "two"}) == (
        "expected a task's text in a column prompt, question, instruction, problem, query, text, "
        "input, messages, conversations, conversation; found the columns 'x', 'y'. Fill it in, or "
        "name the column that has it, e.g. columns: {prompt: COLUMN}."
    )


# Pictures


def test_pictures_are_read_from_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    path = lines(tmp_path / "t.jsonl", {"prompt": "What?", "image": "a.png"})

    (task,) = read_tasks(path)

    picture = Image(media_type="image/png", data=PNG)
    assert task == Task(prompt="What?", parts=(picture,))


def test_pictures_take_the_places_that_marks_name() -> None:
    url = "https://example.org/a.png"
    turns = [{"from": "human", "value": "Is <image> a cat?"}]

    (turn,) = one({"conversations": turns, "images": [url]}).messages

    assert turn.content == (Text("Is "), Image(url=url), Text(" a cat?"))


def test_parts_with_pictures_and_sound_are_read() -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    ]

    (turn,) = one({"messages": [{"role": "user", "content": parts}]}).messages

    assert turn.content == (
        Text("a"),
        Image(media_type="image/png", data=b"\x89PNG"),
        Audio(media_type="audio/mp3", data=b"\0\0\0"),
    )


@pytest.mark.parametrize(
    "value",
    ["none.png", "/etc/passwd", "data:image/png,x", {"bytes": b"not a picture"}, 3, "a\0.png"],
)
def test_a_picture_that_is_none_is_a_bad_seed(value: object) -> None:
    why = bad({"prompt": "p", "image": value})

    assert "picture" in why or "PNG" in why


# Files


def test_every_kind_of_file_gives_the_same_tasks(tmp_path: Path) -> None:
    rows = [{"id": str(n), "question": f"q{n} é", "answer": f"a{n}"} for n in range(3)]
    wanted = [Task(id=str(n), prompt=f"q{n} é", reference=f"a{n}") for n in range(3)]
    jsonl = lines(tmp_path / "t.jsonl", *rows)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(jsonl.read_bytes()))
    (tmp_path / "list.json").write_text(json.dumps(rows))
    (tmp_path / "data.json").write_text(json.dumps({"data": rows}))
    (tmp_path / "really_lines.json").write_bytes(jsonl.read_bytes())
    with (tmp_path / "t.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["id", "question", "answer"])
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")

    assert list(read_tasks(rows)) == wanted
    for path in tmp_path.iterdir():
        assert list(read_tasks(path)) == wanted, path.name
        assert list(read_tasks(str(path))) == wanted, path.name


def test_csv_cells_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'prompt,choices\r\n"a, ""b""\nc","[""x"", ""y""]"\r\n\r\nlast,\r\n')

    assert list(read_tasks(path)) == [
        Task(prompt='a, "b"\nc', choices=("x", "y")),
        Task(prompt="last", meta={"choices": ""}),
    ]


def test_a_cell_may_be_longer_than_the_csv_module_allows_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("prompt\n" + "x" * 500_000)

    (task,) = read_tasks(path)

    assert isinstance(task, Task)
    assert len(task.prompt) == 500_000


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"a,b,c", "expected 2 cells, found 3"),
        (b"a", "expected 2 cells, found 1"),
        (b"\xff,b", "expected UTF-8"),
        (b'"a"b,c', "expected cells with commas"),
    ],
)
def test_a_broken_csv_line_does_not_stop_the_rest(tmp_path: Path, line: bytes, why: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"prompt,note\none,1\n" + line + b"\nthree,3\n")

    first, broken, last = read_tasks(path)

    assert isinstance(broken, BadSeed)
    assert broken.where == "t.csv:3"
    assert why in broken.why
    assert (first, last) == (
        Task(prompt="one", meta={"note": "1"}),
        Task(prompt="three", meta={"note": "3"}),
    )


def test_a_quote_that_is_never_closed_is_said_and_not_swallowed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('prompt\none\n"two\nthree\n')

    _, broken = read_tasks(path)

    assert isinstance(broken, BadSeed)
    assert broken.where == "t.csv:3"


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1]",
        b"3",
        b'{"prompt": "cut',
        b'{"prompt": "\x00"}',
        b'{"prompt": "\xff"}',
        b'{"prompt": NaN}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "p", "x": 1e999}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"prompt": "p", "x": ' + b"[" * 500 + b"]" * 500 + b"}",
        b"\x00",
        b"x" * 10_000_000,
        b'{"prompt": ""}',
        b"{}",
    ],
    ids=range(16),
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_hostile_line_does_not_stop_the_rest(tmp_path: Path, line: bytes, end: bytes) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(end.join([b'{"prompt": "one"}', b"", line, b'{"prompt": "three"}']))

    first, broken, last = read_tasks(path)

    assert isinstance(broken, BadSeed)
    assert broken.where == "t.jsonl:3"
    assert len(broken.why) < 500
    assert (first, last) == (Task(prompt="one"), Task(prompt="three"))


def test_a_long_line_is_read_and_of_two_equal_keys_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('\ufeff{"prompt": "a", "prompt": "' + "b" * 10_000_000 + '"}')

    assert list(read_tasks(path)) == [Task(prompt="b" * 10_000_000)]


def test_a_gzip_file_that_is_cut_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    rows = b"".join(b'{"prompt": "%d"}\n' % n for n in range(5_000))
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(rows)[:-2_000])

    *tasks, last = read_tasks(path)

    assert len(tasks) > 1_000
    assert isinstance(last, BadSeed)
    assert "cut" in last.why


def test_a_picture_that_is_missing_is_a_bad_seed_with_its_line(tmp_path: Path) -> None:
    path = lines(tmp_path / "t.jsonl", {"prompt": "p", "image": "no.png"}, {"prompt": "q"})

    broken, fine = read_tasks(path)

    assert isinstance(broken, BadSeed)
    assert broken.where == "t.jsonl:1"
    assert fine == Task(prompt="q")


# Files that are no seeds at all


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("t.jsonl", b"", "expected tasks, found nothing"),
        ("t.jsonl", b"\n \r\n", "expected tasks, found nothing"),
        ("t.csv", b"", "expected a first line"),
        ("t.csv", b"prompt\n", "expected tasks, found nothing"),
        ("t.csv", b"a,a\n1,2", "expected each column once"),
        ("t.json", b"[]", "expected tasks, found nothing"),
        ("t.json", b"{", "one object a line is named .jsonl"),
        ("t.json", b'{"a": 1}', "expected a list of tasks"),
        ("t.parquet", b"PAR1 but not really", "expected a Parquet file"),
        ("t.jsonl.gz", b"not gzip", "expected a whole gzip file"),
        ("t.json.gz", b"not gzip", "expected a whole gzip file"),
        ("t.txt", b"x", "found '.txt'"),
        ("t", b"x", "found ''"),
    ],
)
def test_a_file_that_cannot_be_seeds_is_refused_at_once(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ConfigError, match=why.replace(".", r"\.")):
        read_tasks(tmp_path / name)


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").touch()

    with pytest.raises(ConfigError, match=r"did you mean 'tasks\.jsonl'"):
        read_tasks(tmp_path / "task.jsonl")
    with pytest.raises(ConfigError, match="expected a file, found none"):
        read_tasks(tmp_path / "no" / "such.jsonl")
    with pytest.raises(ConfigError, match="found a folder"):
        read_tasks(tmp_path)


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.parquet"])
def test_a_mapped_column_that_is_not_there_is_refused_with_the_nearest_name(
    tmp_path: Path, name: str
) -> None:
    rows = [{"question": "q", "answer": "a"}]
    lines(tmp_path / "t.jsonl", *rows)
    (tmp_path / "t.csv").write_text("question,answer\nq,a\n")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")

    with pytest.raises(ConfigError, match="did you mean 'question'"):
        read_tasks(tmp_path / name, {"prompt": "qestion"})


def test_a_mapped_column_may_be_missing_in_some_rows(tmp_path: Path) -> None:
    path = lines(tmp_path / "t.jsonl", {"q": "1"}, {"q": "2", "gold": "x"})

    first, second = read_tasks(path, {"prompt": "q", "reference": "gold"})

    assert (first, second) == (Task(prompt="1"), Task(prompt="2", reference="x"))


def test_a_mapping_of_a_field_that_tasks_lack_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'reference'"):
        read_tasks([{"q": "1"}], {"referense": "q"})


def test_an_unknown_builtin_set_is_refused() -> None:
    with pytest.raises(ConfigError, match="builtin:no_such_set"):
        read_tasks("builtin:no_such_set")


def test_the_hub_needs_its_extra_and_a_name() -> None:
    with pytest.raises(ConfigError, match="expected hf:org/name"):
        read_tasks("hf:a b")
    try:
        import datasets  # noqa: F401  # type: ignore[import-not-found]  # an optional extra
    except ImportError:
        with pytest.raises(ConfigError, match=r"pip install 'understudy\[hub\]'"):
            read_tasks("hf:org/name:train")


# Bounds and round trips


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.csv"])
def test_a_big_file_is_never_held(tmp_path: Path, name: str) -> None:
    path, number = tmp_path / name, 500
    opened = gzip.open if name.endswith(".gz") else open
    with opened(path, "wb") as file:
        if name == "t.csv":
            file.write(b"prompt\n")
        for n in range(number):  # 50 MB
            text = b"%06d" % n + b"x" * 100_000
            file.write((text if name == "t.csv" else b'{"prompt": "%b"}' % text) + b"\n")

    tracemalloc.start()
    try:
        assert sum(isinstance(task, Task) for task in read_tasks(path)) == number
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * 2**20


def test_a_big_parquet_file_is_read_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    schema = pa.schema([("prompt", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for group in range(50):
            texts = [f"{group:03}{n:03}" + "x" * 10_000 for n in range(100)]
            writer.write_table(pa.table({"prompt": texts}, schema=schema))

    before = pa.total_allocated_bytes()
    number = most = 0
    for _ in read_tasks(path):
        number += 1
        most = max(most, pa.total_allocated_bytes() - before)

    assert number == 5_000
    assert most < 12 * 2**20


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
COLUMNS = (
    *("prompt", "messages", "instruction", "input", "history", "meta", "choices", "answer"),
    *("tests", "image", "system", "id", "completion"),
)
NAME = st.text(string.ascii_lowercase, min_size=1, max_size=6).map(lambda name: f"x_{name}")


@settings(max_examples=60, deadline=None)
@given(
    prompt=TEXT.filter(str.strip),
    reference=st.none() | TEXT.filter(str.strip),
    rest=st.dictionaries(NAME, JSON, max_size=3),
)
def test_any_json_row_reads_back_as_its_task(
    tmp_path_factory: pytest.TempPathFactory,
    prompt: str,
    reference: str | None,
    rest: dict[str, Any],
) -> None:
    row = {"prompt": prompt, **({"reference": reference} if reference else {}), **rest}
    path = lines(tmp_path_factory.mktemp("t") / "t.jsonl", row)

    assert list(read_tasks(path)) == [Task(prompt=prompt, reference=reference, meta=rest)]


@given(
    st.dictionaries(
        st.sampled_from(["id", "question", "text", "answer", "label", "x"]),
        TEXT | st.integers() | st.none() | st.just(" "),
    )
)
def test_rows_that_are_read_the_quick_way_give_the_same_task(row: dict[str, Any]) -> None:
    (quick,) = read_tasks([row])
    (slow,) = read_tasks([{**row, "system": None}])

    if isinstance(quick, Task):
        assert slow == msgspec.structs.replace(quick, meta={**quick.meta, "system": None})
    else:
        assert isinstance(slow, BadSeed)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_bytes_make_reading_fail_but_with_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes]
) -> None:
    for name in ("t.jsonl", "t.csv", "t.json"):
        path = tmp_path_factory.mktemp("t") / name
        path.write_bytes(b"\n".join([b"prompt" if name == "t.csv" else b"", *rows]))
        try:
            for task in read_tasks(path):
                assert isinstance(task, Task | BadSeed)
        except ConfigError:
            pass


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(COLUMNS), JSON, max_size=6))
def test_no_row_makes_reading_fail(row: dict[str, Any]) -> None:
    (task,) = read_tasks([row])

    assert isinstance(task, Task | BadSeed)
