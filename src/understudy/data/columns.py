"""A row of a seed file, read as a task: which column is the prompt, which the right answer.

A column that the mapping names is used for what the mapping says. Each other field of a task takes
the first of its usual names (`NAMES`, in that order) that the row has with something in it, and that
the mapping does not use otherwise. What is left over goes to `meta`, unchanged. In detail:

* A conversation (`messages`, `conversations`) wins over a prompt; a mapping for either of them
  switches the other's recognition off. A `prompt` that is a list of turns is a conversation, and a
  `completion` beside it its end; or, of a preference pair, `chosen`, and of its `rejected` the last
  turn's text is kept as `meta.rejected`.
* A conversation's last turn, where it is the assistant's and no tool call, is what a model is to
  make: it is taken off and kept as `meta.answer`, as an example of an earlier run is when it becomes
  a task. One user turn without pictures is the same as a prompt, so that the same question has the
  same calls whichever shape it came in.
* Alpaca: after `instruction`, an `input` follows after a blank line, and a `history` of pairs comes
  before it. `system` opens the conversation unless it has a system turn.
* `reference` is text, a number, or a list of one; where there are `choices` and it is a whole number
  that is none of them, it counts from 0 (MMLU), and becomes the letter. Anything else under one of
  the usual names is left in `meta`; under a name that the mapping gives it is an error.
* `choices` are a list, a record by letter, or `{"text": [...], "label": [...]}` (ARC).
* A `meta` column is unpacked into `meta`. The `reference`, `choices`, `tests` and `meta` that our own
  exports keep there are put back in their places.
* Lists and records may be given as JSON text, as in CSV.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from understudy.data.bad_row import shown
from understudy.data.conversation import conversation, is_conversation
from understudy.data.images import image
from understudy.data.plain import as_list, plain
from understudy.data.values import from_json, is_blank, options, scalar, texts, unpacked
from understudy.types import Image, Message, Task, Text, assistant, system, user

NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "task_id"),
    "messages": ("messages", "conversations", "conversation"),
    "prompt": ("prompt", "question", "instruction", "problem", "query", "text", "input"),
    "system": ("system", "system_prompt"),
    "reference": (
        "reference",
        "answer",
        "output",
        "solution",
        "target",
        "label",
        "correct",
    ),
    "choices": ("choices", "options"),
    "tests": ("tests", "test", "test_list"),
    "images": ("images", "image"),
}
"""Fields of a task, and the usual names of the columns they stand in, the likeliest first."""

_EXPORTED = ("reference", "choices", "tests")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _Found(NamedTuple):
    column: str
    value: Any
    mapped: bool
    """Whether the mapping names it, so that a wrong value is an error and not a mistaken guess."""
    nested: bool = False
    """Whether it stands in the column `meta`."""


def look_up(row: Mapping[str, Any], column: str) -> tuple[str, Any]:
    """The top-level column that `column` is in, and its value: a name, or a dotted path into nested
    records and lists (`instances.0.output`). None where there is no such value."""
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
    """Reads rows as tasks, all under one mapping."""

    def __init__(self, columns: Mapping[str, str], folder: Path) -> None:
        """`columns` maps a field to its column; `folder` is where the paths of pictures start."""
        self._columns, self._folder = columns, folder
        self._shapes = dict[tuple[str, ...], _Shape]()

    def task(self, row: Mapping[str, Any]) -> Task:
        """The task that a row holds.

        Raises:
            ValueError: it holds none; the message says what to do.
        """
        names = tuple(row)
        shape = self._shapes.get(names)
        if shape is None:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            shape = self._shapes[names] = _shape(names, self._columns)
        task = _quick(row, shape.quick) if shape.quick is not None else None
        return task or _Row(row, self._columns, self._folder, shape.usual).task()


class _Quick(NamedTuple):
    """The columns of rows that have no more than an id, a prompt, a right answer, and the rest."""

    id: str | None
    prompt: str
    reference: str | None
    rest: tuple[str, ...]


class _Shape(NamedTuple):
    """What can be said of all rows with the same columns, as most rows of a file are."""

    usual: dict[str, tuple[str, ...]]
    """For each field those of its usual names that are there."""
    quick: _Quick | None


_MOST_SHAPES = 1_000


def _shape(names: Sequence[str], columns: Mapping[str, str]) -> _Shape:
    free = set(names).difference(columns.values())
    usual = {
        field: tuple(name for name in known if name in free)
        for field, known in NAMES.items()
        if field not in columns
    }
    usual = {field: found for field, found in usual.items() if found}
    chosen = {field: found[0] for field, found in usual.items()} | dict(columns)
    prompt = chosen.get("prompt", "")
    is_simple = (
        chosen.keys() <= {"id", "prompt", "reference"}
        and {*chosen.values()} <= {*names}
        and "meta" not in names
        and prompt
        and (prompt != "instruction" or not {"input", "history"} & {*names})
    )
    rest = tuple(name for name in names if name not in chosen.values())
    quick = _Quick(chosen.get("id"), prompt, chosen.get("reference"), rest) if is_simple else None
    return _Shape(usual, quick)


def _quick(row: Mapping[str, Any], columns: _Quick) -> Task | None:
    """What `_Row` makes of a row whose three fields are texts, at a third of the time; None of any
    other."""
    found = list[str]()
    for column in columns[:3]:
        value = "" if column is None else row[column]
        if type(value) is not str or (column and is_blank(value)):
            return None
        found.append(value if value.isascii() else plain(value))
    return Task(
        id=found[0],
        prompt=found[1],
        reference=found[2] if columns.reference else None,
        meta=plain({name: row[name] for name in columns.rest}) if columns.rest else {},
    )


class _Row:
    """One row, and which of its columns have found their place."""

    def __init__(
        self,
        row: Mapping[str, Any],
        columns: Mapping[str, str],
        folder: Path,
        usual: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._row, self._columns, self._folder, self._usual = row, columns, folder, usual
        self._used = {column for column in columns.values() if column in row}
        """Columns that do not go to meta."""
        self._nested = dict[str, Any]()
        """What the column `meta` holds."""
        if "meta" in row and "meta" not in self._used:
            self._nested = unpacked(row["meta"])
            if self._nested or is_blank(from_json(row["meta"])):
                self._used.add("meta")

    def task(self) -> Task:
        pictures = self._images()
        turns, answer = self._conversation(pictures)
        choices = self._choices()
        reference = self._reference(choices)
        prompt, images = _simple(turns)
        identity, tests = self._id(), self._tests()
        meta = self._meta()
        if answer is not None:
            meta["answer"] = answer
        return Task(
            id=identity,
            prompt=prompt,
            messages=() if prompt else turns,
            reference=reference,
            choices=choices,
            tests=tests,
            images=images,
            meta=meta,
        )

    def _find(self, field: str) -> _Found | None:
        """The field's value, wherever it stands. Only a dotted path's root stays in meta."""
        if column := self._columns.get(field):
            _, value = look_up(self._row, column)
            return None if is_blank(value) else _Found(column, value, mapped=True)
        usual = self._usual.get(field, ())
        named = usual[:1] == (field,) and not is_blank(self._row[field])
        if field in _EXPORTED and not named and not is_blank(value := self._nested.get(field)):
            return _Found(field, value, mapped=False, nested=True)
        for column in usual:
            value = self._row[column]
            if not is_blank(value) and column not in self._used:
                return _Found(column, value, mapped=False)
        return None

    def _take(self, found: _Found) -> None:
        if found.nested:
            del self._nested[found.column]
        else:
            self._used.add(found.column)

    def _id(self) -> str:
        if (found := self._find("id")) is None:
            return ""
        value = found.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # a column of whole numbers, some missing, as data frames have it
        if (text := scalar(value)) is None:
            raise ValueError(f"expected an id that is text or a number, found {shown(value)}")
        self._take(found)
        return text

    def _conversation(self, pictures: tuple[Image, ...]) -> tuple[tuple[Message, ...], str | None]:
        """The turns that a model is to answer, and the answer that was there already."""
        found = None if "prompt" in self._columns else self._find("messages")
        if found is not None and (found.mapped or is_conversation(from_json(found.value))):
            self._take(found)
            turns = conversation(from_json(found.value), self._folder, pictures)
        else:
            turns = self._prompt(pictures)
        opening = self._find("system")
        if opening is not None and isinstance(opening.value, str) and turns[0].role != "system":
            self._take(opening)
            turns = (system(opening.value), *turns)
        last = turns[-1]
        answered = last.role == "assistant" and not last.tool_calls
        if answered:
            turns = turns[:-1]
        if all(is_blank(turn.text) and not turn.media for turn in turns if turn.role != "system"):
            raise ValueError(self._without_text())
        return turns, last.text if answered else None

    def _prompt(self, pictures: tuple[Image, ...]) -> tuple[Message, ...]:
        found = None if "messages" in self._columns else self._find("prompt")
        if found is None:
            raise ValueError(self._without_text())
        self._take(found)
        value = found.value
        if is_conversation(value):
            return conversation([*value, *self._ending()], self._folder, pictures)
        if (text := scalar(value)) is None:
            raise ValueError(f"expected text in column {found.column!r}, found {shown(value)}")
        if found.column != "instruction":
            turns: tuple[Message, ...] = ()
        else:
            turns = self._history()
            more = self._row.get("input")
            if isinstance(more, str) and more.strip() and "input" not in self._used:
                self._used.add("input")
                text = f"{text}\n\n{more}"
        if not pictures:
            return (*turns, user(text))
        return conversation(
            [*({"role": turn.role, "content": turn.text} for turn in turns), _turn(text)],
            self._folder,
            pictures,
        )

    def _ending(self) -> list[Any]:
        """The turns after a prompt that stand in a column of their own."""
        for column in ("completion", "chosen"):
            turns: Any = self._row.get(column)
            if column not in self._used and is_conversation(turns):
                self._used.add(column)
                return turns
        return []

    def _history(self) -> tuple[Message, ...]:
        history = as_list(from_json(self._row.get("history")))
        if "history" in self._used or history is None:
            return ()
        turns = list[Message]()
        for pair in history:
            said = texts(pair) or ()
            if len(said) != 2:
                return ()
            turns += [user(said[0]), assistant(said[1])]
        self._used.add("history")
        return tuple(turns)

    def _without_text(self) -> str:
        names = ", ".join((*NAMES["prompt"], *NAMES["messages"]))
        if column := self._columns.get("prompt") or self._columns.get("messages"):
            names = f"{column} (as the mapping says)"
        return (
            f"expected a task's text in a column {names}; found {_listed(self._row)}. Fill it in, or "
            "name the column that has it, e.g. columns: {prompt: COLUMN}."
        )

    def _images(self) -> tuple[Image, ...]:
        if (found := self._find("images")) is None:
            return ()
        value = from_json(found.value)
        self._take(found)
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        return tuple(image(value, self._folder) for value in values)

    def _choices(self) -> tuple[str, ...]:
        if (found := self._find("choices")) is None:
            return ()
        if (offered := options(from_json(found.value))) is not None:
            self._take(found)
            return offered
        if found.mapped:
            raise ValueError(f"expected choices as a list of texts, found {shown(found.value)}")
        return ()

    def _reference(self, choices: Sequence[str]) -> str | None:
        if (found := self._find("reference")) is None:
            return None
        listed = as_list(found.value) or ()
        value: Any = listed[0] if len(listed) == 1 else found.value
        text = scalar(value)
        if text is None:
            if found.mapped:
                raise ValueError(f"expected the right answer as text, found {shown(value)}")
            return None
        self._take(found)
        if type(value) is int and 0 <= value < min(len(choices), 26) and text not in choices:
            return _LETTERS[value]
        return text

    def _tests(self) -> tuple[str, ...]:
        if (found := self._find("tests")) is None:
            return ()
        if (checks := texts(from_json(found.value))) is not None:
            self._take(found)
            return checks
        if found.mapped:
            raise ValueError(f"expected tests as code or a list of it, found {shown(found.value)}")
        return ()

    def _meta(self) -> dict[str, Any]:
        nested = self._nested
        inner = unpacked(nested.pop("meta", None))
        rest = {key: value for key, value in self._row.items() if key not in self._used}
        if "chosen" in self._used and is_conversation(rest.get("rejected")):
            rest["rejected"] = conversation(rest["rejected"], self._folder)[-1].text
        for field, column in self._columns.items():
            if field.startswith("meta."):
                rest[field.removeprefix("meta.")] = look_up(self._row, column)[1]
        return plain({**nested, **inner, **rest}) if nested or inner or rest else {}


def _simple(turns: Sequence[Message]) -> tuple[str, tuple[Image, ...]]:
    """Prompt and pictures of one user turn that is no more than that; none of any other."""
    if len(turns) != 1 or turns[0].role != "user":
        return "", ()
    content = turns[0].content
    if isinstance(content, str):
        return content, ()
    *before, last = content
    images = tuple(part for part in before if isinstance(part, Image))
    if len(images) == len(before) and isinstance(last, Text):
        return last.text, images
    return "", ()


def _turn(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _listed(row: Mapping[str, Any]) -> str:
    names = [shown(name) for name in list(row)[:12]]
    return f"the columns {', '.join(names)}{', ...' if len(row) > 12 else ''}" if names else "none"
