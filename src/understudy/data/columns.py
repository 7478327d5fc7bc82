"""A row of a seed file, read as a task: which column is the prompt, which the right answer.

A column that the mapping names is used as the mapping says. Each other field of a task takes the
first of its usual names (`NAMES`, in that order) that the row has with something in it, unless the
mapping uses that column otherwise. The columns that are left over go to `meta` unchanged. In detail:

* A conversation (`messages`, `conversations`) wins over a prompt. A mapping for one of the two
  switches off the recognition of the other. A `prompt` that is a list of turns is a conversation. A
  `completion` beside it is the end of it; of a preference pair, `chosen` is, and the text of the last
  turn of `rejected` is kept as `meta.rejected`.
* If the last turn of a conversation is the assistant's and no tool call, it is what a model is to
  produce: it is taken off and kept as `meta.answer`, as when an example of an earlier run becomes a
  task. One user turn without pictures is the same as a prompt, so that the same question makes the
  same calls in either shape.
* Alpaca: an `input` follows the `instruction` after a blank line, and a `history` of pairs comes
  before it. `system` opens the conversation unless it has a system turn.
* `reference` is text, a number, or a list of one. If there are `choices` and it is a whole number that
  is none of them, it counts from 0 (MMLU), and becomes the letter. Anything else under one of the
  usual names stays in `meta`; under a name that the mapping gives it is an error.
* `choices` are a list, a record by letter, or `{"text": [...], "label": [...]}` (ARC).
* A `meta` column is unpacked into `meta`. The `reference`, `choices`, `tests` and `meta` that our own
  exports keep there are put back in their places.
* Lists and records may be given as JSON text, as in CSV.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from understudy.data.bad_row import preview
from understudy.data.conversation import is_conversation, read_conversation
from understudy.data.images import image
from understudy.data.plain import as_list, to_plain
from understudy.data.values import (
    is_blank,
    parse_json,
    parse_record,
    read_options,
    read_scalar,
    read_texts,
)
from understudy.types import Image, Message, Part, Task, Text, assistant, system, user

NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "task_id"),
    "messages": ("messages", "conversations", "conversation"),
    "prompt": ("prompt", "question", "instruction", "problem", "query", "text", "input"),
    "system": ("system", "system_prompt"),
    "reference": ("reference", "answer", "output", "solution", "target", "label", "correct"),
    "choices": ("choices", "options"),
    "tests": ("tests", "test", "test_list"),
    "images": ("images", "image"),
}
"""Fields of a task, and the usual names of the columns they stand in, the likeliest first."""

_EXPORTED = ("reference", "choices", "tests")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _Cell(NamedTuple):
    """A value of the row, and the column that it is from."""

    column: str
    value: Any
    mapped: bool
    """Whether the mapping names it: then a wrong value is an error, not a wrong guess of ours."""
    nested: bool = False
    """Whether it is inside the column `meta`."""


def look_up(row: Mapping[str, Any], column: str) -> tuple[str, Any]:
    """The top-level column that `column` is in, and its value (None if there is none). `column` is a
    name, or a dotted path into nested records and lists (`instances.0.output`)."""
    if column in row:
        return column, row[column]
    value: Any = row
    for step in column.split("."):
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(cast("Any", value)):
            value = cast("list[Any]", value)[int(step)]
        else:
            return column.partition(".")[0], None
    return column.partition(".")[0], value


class Reader:
    """Reads rows as tasks, all with the same mapping."""

    def __init__(self, columns: Mapping[str, str], folder: Path) -> None:
        """`columns` maps a field to its column. Paths of pictures are relative to `folder`."""
        self._columns, self._folder = columns, folder
        self._shapes = dict[tuple[str, ...], _Shape]()

    def read(self, row: Mapping[str, Any]) -> Task:
        """The task that a row holds.

        Raises:
            ValueError: it is not a task; the message says what to do.
        """
        names = tuple(row)
        shape = self._shapes.get(names)
        if shape is None:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            shape = self._shapes[names] = _analyze(names, self._columns)
        task = _read_quick(row, shape.quick) if shape.quick is not None else None
        return task or _Row(row, self._columns, self._folder, shape.usual).read()


class _Quick(NamedTuple):
    """The columns of rows that have an id, a prompt, a right answer, and otherwise only `meta`."""

    id: str | None
    prompt: str
    reference: str | None
    rest: tuple[str, ...]


class _Shape(NamedTuple):
    """What is the same for all rows with the same columns, as most rows of a file have."""

    usual: dict[str, tuple[str, ...]]
    """For each field, those of its usual names that the row has."""
    quick: _Quick | None


_MOST_SHAPES = 1_000


def _analyze(names: Sequence[str], columns: Mapping[str, str]) -> _Shape:
    free = set(names).difference(columns.values())
    usual = {
        field: tuple(name for name in candidates if name in free)
        for field, candidates in NAMES.items()
        if field not in columns
    }
    usual = {field: present for field, present in usual.items() if present}
    sources = {field: present[0] for field, present in usual.items()} | dict(columns)
    prompt = sources.get("prompt", "")
    is_simple = (
        sources.keys() <= {"id", "prompt", "reference"}
        and {*sources.values()} <= {*names}
        and "meta" not in names
        and prompt
        and (prompt != "instruction" or not {"input", "history"} & {*names})
    )
    rest = tuple(name for name in names if name not in sources.values())
    quick = _Quick(sources.get("id"), prompt, sources.get("reference"), rest) if is_simple else None
    return _Shape(usual, quick)


def _read_quick(row: Mapping[str, Any], columns: _Quick) -> Task | None:
    """The same task that `_Row` makes, in a third of the time, of a row whose three fields are texts.
    None for any other row."""
    texts = list[str]()
    for column in columns[:3]:
        value = "" if column is None else row[column]
        if type(value) is not str or (column and is_blank(value)):
            return None
        texts.append(value if value.isascii() else to_plain(value))
    return Task(
        id=texts[0],
        prompt=texts[1],
        reference=texts[2] if columns.reference else None,
        meta=to_plain({name: row[name] for name in columns.rest}) if columns.rest else {},
    )


class _Row:
    """One row, and which of its columns are used."""

    def __init__(
        self,
        row: Mapping[str, Any],
        columns: Mapping[str, str],
        folder: Path,
        usual: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._row, self._columns, self._folder, self._usual = row, columns, folder, usual
        self._used = {column for column in columns.values() if column in row}
        """Columns that do not go to `meta`."""
        self._nested = dict[str, Any]()
        """The content of the column `meta`."""
        if "meta" in row and "meta" not in self._used:
            self._nested = parse_record(row["meta"])
            if self._nested or is_blank(parse_json(row["meta"])):
                self._used.add("meta")

    def read(self) -> Task:
        pictures = self._read_images()
        turns, answer = self._read_conversation(pictures)
        choices = self._read_choices()
        reference = self._read_reference(choices)
        prompt, parts = _simplify(turns)
        identity, tests = self._read_id(), self._read_tests()
        meta = self._read_meta()
        if answer is not None:
            meta["answer"] = answer
        return Task(
            id=identity,
            prompt=prompt,
            messages=() if prompt else turns,
            reference=reference,
            choices=choices,
            tests=tests,
            parts=parts,
            meta=meta,
        )

    def _find(self, field: str) -> _Cell | None:
        """The field's value, wherever it is. The root of a dotted path stays in `meta`."""
        if column := self._columns.get(field):
            _, value = look_up(self._row, column)
            return None if is_blank(value) else _Cell(column, value, mapped=True)
        usual = self._usual.get(field, ())
        literal = usual[:1] == (field,) and not is_blank(self._row[field])
        if field in _EXPORTED and not literal and not is_blank(value := self._nested.get(field)):
            return _Cell(field, value, mapped=False, nested=True)
        for column in usual:
            value = self._row[column]
            if not is_blank(value) and column not in self._used:
                return _Cell(column, value, mapped=False)
        return None

    def _take(self, cell: _Cell) -> None:
        if cell.nested:
            del self._nested[cell.column]
        else:
            self._used.add(cell.column)

    def _read_id(self) -> str:
        if (cell := self._find("id")) is None:
            return ""
        value = cell.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # a column of whole numbers, some missing, as data frames have it
        if (text := read_scalar(value)) is None:
            raise ValueError(f"expected an id that is text or a number, found {preview(value)}")
        self._take(cell)
        return text

    def _read_conversation(
        self, pictures: tuple[Image, ...]
    ) -> tuple[tuple[Message, ...], str | None]:
        """The turns that a model is to answer, and the answer if the row has one."""
        cell = None if "prompt" in self._columns else self._find("messages")
        if cell is not None and (cell.mapped or is_conversation(parse_json(cell.value))):
            self._take(cell)
            turns = read_conversation(parse_json(cell.value), self._folder, pictures)
        else:
            turns = self._read_prompt(pictures)
        opening = self._find("system")
        if opening is not None and isinstance(opening.value, str) and turns[0].role != "system":
            self._take(opening)
            turns = (system(opening.value), *turns)
        last = turns[-1]
        has_answer = last.role == "assistant" and not last.tool_calls
        if has_answer:
            turns = turns[:-1]
        if all(is_blank(turn.text) and not turn.media for turn in turns if turn.role != "system"):
            raise ValueError(self._explain_no_text())
        return turns, last.text if has_answer else None

    def _read_prompt(self, pictures: tuple[Image, ...]) -> tuple[Message, ...]:
        cell = None if "messages" in self._columns else self._find("prompt")
        if cell is None:
            raise ValueError(self._explain_no_text())
        self._take(cell)
        value = cell.value
        if is_conversation(value):
            return read_conversation([*value, *self._read_ending()], self._folder, pictures)
        if (text := read_scalar(value)) is None:
            raise ValueError(f"expected text in column {cell.column!r}, found {preview(value)}")
        if cell.column != "instruction":
            turns: tuple[Message, ...] = ()
        else:
            turns = self._read_history()
            more = self._row.get("input")
            if isinstance(more, str) and more.strip() and "input" not in self._used:
                self._used.add("input")
                text = f"{text}\n\n{more}"
        if not pictures:
            return (*turns, user(text))
        return read_conversation(
            [*({"role": turn.role, "content": turn.text} for turn in turns), _make_turn(text)],
            self._folder,
            pictures,
        )

    def _read_ending(self) -> list[Any]:
        """The turns after a prompt that are in a column of their own."""
        for column in ("completion", "chosen"):
            turns: Any = self._row.get(column)
            if column not in self._used and is_conversation(turns):
                self._used.add(column)
                return turns
        return []

    def _read_history(self) -> tuple[Message, ...]:
        history = as_list(parse_json(self._row.get("history")))
        if "history" in self._used or history is None:
            return ()
        turns = list[Message]()
        for pair in history:
            texts = read_texts(pair) or ()
            if len(texts) != 2:
                return ()
            turns += [user(texts[0]), assistant(texts[1])]
        self._used.add("history")
        return tuple(turns)

    def _explain_no_text(self) -> str:
        names = ", ".join((*NAMES["prompt"], *NAMES["messages"]))
        if column := self._columns.get("prompt") or self._columns.get("messages"):
            names = f"{column} (as the mapping says)"
        return (
            f"expected a task's text in a column {names}; found {_list_names(self._row)}. Fill it in, "
            "or name the column that has it, e.g. columns: {prompt: COLUMN}."
        )

    def _read_images(self) -> tuple[Image, ...]:
        if (cell := self._find("images")) is None:
            return ()
        value = parse_json(cell.value)
        self._take(cell)
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        return tuple(image(value, self._folder) for value in values)

    def _read_choices(self) -> tuple[str, ...]:
        if (cell := self._find("choices")) is None:
            return ()
        if (choices := read_options(parse_json(cell.value))) is not None:
            self._take(cell)
            return choices
        if cell.mapped:
            raise ValueError(f"expected choices as a list of texts, found {preview(cell.value)}")
        return ()

    def _read_reference(self, choices: Sequence[str]) -> str | None:
        if (cell := self._find("reference")) is None:
            return None
        items = as_list(cell.value) or ()
        value: Any = items[0] if len(items) == 1 else cell.value
        text = read_scalar(value)
        if text is None:
            if cell.mapped:
                raise ValueError(f"expected the right answer as text, found {preview(value)}")
            return None
        self._take(cell)
        if type(value) is int and 0 <= value < min(len(choices), 26) and text not in choices:
            return _LETTERS[value]
        return text

    def _read_tests(self) -> tuple[str, ...]:
        if (cell := self._find("tests")) is None:
            return ()
        if (checks := read_texts(parse_json(cell.value))) is not None:
            self._take(cell)
            return checks
        if cell.mapped:
            raise ValueError(f"expected tests as code or a list of it, found {preview(cell.value)}")
        return ()

    def _read_meta(self) -> dict[str, Any]:
        nested = self._nested
        inner = parse_record(nested.pop("meta", None))
        rest = {key: value for key, value in self._row.items() if key not in self._used}
        if "chosen" in self._used and is_conversation(rest.get("rejected")):
            rest["rejected"] = read_conversation(rest["rejected"], self._folder)[-1].text
        for field, column in self._columns.items():
            if field.startswith("meta."):
                rest[field.removeprefix("meta.")] = look_up(self._row, column)[1]
        return to_plain({**nested, **inner, **rest}) if nested or inner or rest else {}


def _simplify(turns: Sequence[Message]) -> tuple[str, tuple[Part, ...]]:
    """Prompt, pictures and sound of a conversation that is one plain user turn; empty for any other."""
    if len(turns) != 1 or turns[0].role != "user":
        return "", ()
    content = turns[0].content
    if isinstance(content, str):
        return content, ()
    *before, last = content
    if isinstance(last, Text) and not any(isinstance(part, Text) for part in before):
        return last.text, tuple(before)
    return "", ()


def _make_turn(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _list_names(row: Mapping[str, Any]) -> str:
    names = [preview(name) for name in list(row)[:12]]
    return f"the columns {', '.join(names)}{', ...' if len(row) > 12 else ''}" if names else "none"
