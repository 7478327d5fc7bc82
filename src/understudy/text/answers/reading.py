r"""Reading the answer off a model's reply, and grading it against a reference.

What each `kind` reads:

`auto`        the first of these that the text has: the JSON field `field`; `####` on the last line;
              `<answer>`; `\boxed`; `Answer("...")`; the last "the answer is" or "Answer:"; a last
              line `A: ...`; a reply of one short line; the one number (the one after the last `=`)
              of the last line. A number with a unit gives the number. With `choices`, as `choice`.
`number`      the number in the first of these: the one after the last `=`, else the first; where
              nothing is marked as the answer, the last number of the text.
`choice`      the letter that the text gives as its answer, see `choices.py`.
`json`        the field `field` of the JSON object, however badly that is written.
`boxed`, `hash`, `marker`, `last_line`
              that place alone; `marker` is an answer marked by words, a tag, a call or a label.
`paper_number`, `paper_text`
              the rule of Wang et al. 2022 (arXiv:2203.11171), to the letter: cut at the next "Q:",
              then the first number, or everything, after the first "The answer is ".

All but `json` and the paper's two cut the text at the next line that begins "Q:".
Only the last 100,000 characters of a text are read (by `json`, all of them). At most 2,000 characters
are searched for a number: the first of a marked answer, or the last of a text that marks none.
None means that nothing could be read. A reply that was cut off has no answer: check its stop reason
first. The text must not contain a reasoning trace.
"""

import re
from collections.abc import Sequence
from typing import Literal, assert_never

from understudy.text.answers.choices import MOST_LETTERS, find_choice
from understudy.text.answers.equality import is_equivalent
from understudy.text.answers.numbers import (
    Number,
    find_numbers,
    normalize,
    parse_number,
    parse_quantity,
    strip_markup,
)
from understudy.text.answers.spans import (
    cut_at_next_question,
    cut_to_sentence,
    find_box,
    find_calls,
    find_hash_line,
    find_json_field,
    find_label,
    find_last_line,
    find_statements,
    find_tag,
    last_of,
)

Kind = Literal[
    "auto",
    "number",
    "choice",
    "json",
    "boxed",
    "hash",
    "marker",
    "last_line",
    "paper_number",
    "paper_text",
]
"""Where in a reply the answer is read."""


def extract(
    text: str, kind: Kind = "auto", *, choices: Sequence[str] | None = None, field: str = "answer"
) -> str | None:
    """The answer that the text gives, as written, or None if none can be read.

    `choices` are the texts of the options A, B, C ... in order. `field` names the JSON field.
    """
    if kind == "json":
        return find_json_field(text, field)
    if kind in ("paper_number", "paper_text"):
        return _as_the_paper(text, number=kind == "paper_number")
    text = _body(text)
    match kind:
        case "auto":
            return find_choice(text, choices) if choices else _auto(text, field)
        case "number":
            number = _number(text, field)
            return None if number is None else number.text
        case "choice":
            return find_choice(text, choices)
        case "marker":
            return _marker(text)
        case "boxed" | "hash" | "last_line":
            span = {"boxed": find_box, "hash": find_hash_line, "last_line": find_last_line}[kind](
                text
            )
            return None if span is None else span.text.strip() or None
        case _:
            assert_never(kind)


def grade(
    text: str,
    reference: str,
    kind: Kind = "auto",
    *,
    choices: Sequence[str] | None = None,
    field: str = "answer",
) -> bool:
    """Whether the text gives the answer of the reference. What cannot be read is wrong.

    The reference is the answer itself, or a solution that ends in it (`#### 18`, a last line
    `A: 18`, a box). It decides how the text is read: as a number if the reference is one, as a
    letter if it is a letter. Numbers are equal by value, without their units; if one side has a
    percent sign and the other has none, the bare number may mean percent or parts of one.
    """
    gold = _reference(reference[-_LONGEST_TEXT:])
    payload = text
    if kind != "auto":
        answer = extract(text, kind, choices=choices, field=field)
        if answer is None:
            return False
        payload = answer
    if choices or _LETTER.fullmatch(gold):
        return _same_letter(find_choice(_body(payload), choices), gold, choices)
    if (right := _only_number(gold)) is not None:
        number = _number(_body(text), field) if kind == "auto" else _number_in(payload)
        return number is not None and _equal(number, right)
    answer = _auto(_body(text), field) if kind == "auto" else payload
    return answer is not None and is_equivalent(answer, gold)


def _body(text: str) -> str:
    return cut_at_next_question(text[-_LONGEST_TEXT:])


def _as_the_paper(text: str, *, number: bool) -> str | None:
    answer = text[-_LONGEST_TEXT:].partition("Q:")[0].partition("The answer is ")[2].strip()
    if not number:
        return answer or None
    first = next(find_numbers(answer[:_LONGEST_STRETCH]), None)
    return None if first is None else first.text


def _auto(text: str, field: str) -> str | None:
    span = _marked_answer(text, field)
    if span is None:
        return _last_result(text)
    quantity = parse_quantity(span) if len(span) <= _LONGEST_STRETCH else None
    return quantity[0].text if quantity else strip_markup(span) or None


def _marked_answer(text: str, field: str) -> str | None:
    """What the text presents as its answer in so many words or signs."""
    if f'"{field}"' in text and (value := find_json_field(text, field)) is not None:
        return value
    line = find_last_line(text)
    if (span := find_hash_line(text)) and line and span.start >= line.start:
        return span.text
    for span in (find_tag(text), find_box(text)):
        if span is not None and span.text.strip():
            return span.text.strip()
    return _marker(text)


def _marker(text: str) -> str | None:
    """The last statement of the answer in words."""
    if span := find_tag(text):
        return span.text or None
    if calls := find_calls(text):
        return calls[-1].text or None
    span = last_of(find_statements(text)) or find_label(text)
    return (
        None if span is None else cut_to_sentence(span.text).strip(" *_").removeprefix("- ") or None
    )


def _last_result(text: str) -> str | None:
    """The answer of a text that marks none: a bare answer, or the last line's result."""
    line = find_last_line(text)
    if line is None or len(line.text) > _LONGEST_STRETCH:
        return None
    if parse_number(line.text):
        return strip_markup(line.text)
    numbers = list(find_numbers(line.text))
    if len(numbers) == 1 or (numbers and "=" in line.text):
        result = _number_in(line.text)
        return None if result is None else result.text
    alone = "\n" not in text.strip() and len(line.text.split()) <= _FEW_WORDS
    return strip_markup(line.text) or None if alone else None


def _number(text: str, field: str) -> Number | None:
    """The number that the text states as its answer, else its last number."""
    answer = _marked_answer(text, field)
    if answer is not None and (number := _number_in(answer)) is not None:
        return number
    return last_of(find_numbers(text[-_LONGEST_STRETCH:]))


def _number_in(span: str) -> Number | None:
    """The first number after the last `=` that a number follows; without `=`, the first."""
    span = span[:_LONGEST_STRETCH]
    if (whole := parse_number(span)) is not None:
        return whole
    text = normalize(span)
    numbers = list(find_numbers(text))
    if not numbers:
        return None
    equals = text.rfind("=", 0, numbers[-1].start + 1)
    return next(number for number in numbers if number.start >= equals)


def _only_number(text: str) -> Number | None:
    """The text as a number, with or without a unit."""
    if (whole := parse_number(text)) is not None:
        return whole
    quantity = parse_quantity(text)
    return quantity[0] if quantity else None


def _equal(number: Number, right: Number) -> bool:
    if number.value == right.value:
        return True
    if number.percent == right.percent:
        return False
    percent, bare = (number, right) if number.percent else (right, number)
    return percent.value * 100 == bare.value


def _reference(reference: str) -> str:
    for find in (find_hash_line, find_label, find_box):
        if span := find(reference):
            return span.text.strip()
    return reference.strip()


def _same_letter(letter: str | None, gold: str, choices: Sequence[str] | None) -> bool:
    """Whether the letter is the gold one; gold may be a letter or an option's text."""
    if letter is None:
        return False
    if _LETTER.fullmatch(gold):
        return is_equivalent(letter, gold)
    return choices is not None and is_equivalent(choices[MOST_LETTERS.index(letter)], gold)


_LONGEST_TEXT = 100_000
_LONGEST_STRETCH = 2_000
_FEW_WORDS = 8
_LETTER = re.compile(r"[ (]{0,3}[A-Za-z][ ).:]{0,3}")
