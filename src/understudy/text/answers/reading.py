r"""Reading the answer off a model's reply, and grading it against a reference.

What each `kind` reads:

`auto`        the first of these that is there: the JSON field `field`; `####` on the last line;
              `<answer>`; `\boxed`; `Answer("...")`; the last "the answer is" or "Answer:"; a last
              line `A: ...`; a reply of one short line; the one number (the one after the last `=`)
              of the last line. A number with a unit gives the number. With `choices`, as `choice`.
`number`      the number in the first of these: the one after the last `=`, else the first; where
              nothing is marked as the answer, the last number of the text.
`choice`      the letter that the text settles on, see `choices.py`.
`json`        the field `field` of the JSON object, however badly that is written.
`boxed`, `hash`, `marker`, `last_line`
              that stretch alone; `marker` is an answer marked in words, a tag, a call or a label.
`paper_number`, `paper_text`
              the rule of Wang et al. 2022 (arXiv:2203.11171), to the letter: cut at the next "Q:",
              then the first number, or everything, after the first "The answer is ".

All but `json` and the paper's two cut the text at the next line that begins "Q:".
Only the last 100,000 characters of a text are looked at (all of it by `json`), a stretch that is
searched for a number is cut at 2,000, and so is the end of a text where its last number is taken.
None means that nothing could be read. A reply that was cut off has no answer: look at its stop
reason first. A reasoning trace must not be part of the text.
"""

import re
from collections.abc import Sequence
from typing import Literal, assert_never

from understudy.text.answers.choices import MOST_LETTERS, choice
from understudy.text.answers.equality import same
from understudy.text.answers.numerals import Numeral, numeral, numerals, plain, quantity, shed
from understudy.text.answers.spans import (
    before_next_question,
    boxed,
    called,
    declared,
    hashed,
    json_field,
    labelled,
    last_line,
    last_of,
    sentence,
    tagged,
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
"""How an answer is read off a reply."""


def extract(
    text: str, kind: Kind = "auto", *, choices: Sequence[str] | None = None, field: str = "answer"
) -> str | None:
    """The answer that the text gives, as written, or None if none can be read.

    `choices` are the texts of the options A, B, C ... in order. `field` names the JSON field.
    """
    if kind == "json":
        return json_field(text, field)
    if kind in ("paper_number", "paper_text"):
        return _as_the_paper(text, number=kind == "paper_number")
    text = _body(text)
    match kind:
        case "auto":
            return choice(text, choices) if choices else _auto(text, field)
        case "number":
            found = _number(text, field)
            return None if found is None else found.text
        case "choice":
            return choice(text, choices)
        case "marker":
            return _marker(text)
        case "boxed" | "hash" | "last_line":
            span = {"boxed": boxed, "hash": hashed, "last_line": last_line}[kind](text)
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
    lettered = choices or _LETTER.fullmatch(gold)
    found = text
    if kind != "auto":
        read = extract(text, kind, choices=choices, field=field)
        if read is None:
            return False
        found = read
    if lettered:
        return _same_letter(choice(_body(found), choices), gold, choices)
    if (wanted := _only_number(gold)) is not None:
        given = _number(_body(text), field) if kind == "auto" else _number_in(found)
        return given is not None and _equal(given, wanted)
    answer = _auto(_body(text), field) if kind == "auto" else found
    return answer is not None and same(answer, gold)


def _body(text: str) -> str:
    return before_next_question(text[-_LONGEST_TEXT:])


def _as_the_paper(text: str, *, number: bool) -> str | None:
    answer = text[-_LONGEST_TEXT:].partition("Q:")[0].partition("The answer is ")[2].strip()
    if not number:
        return answer or None
    first = next(numerals(answer[:_LONGEST_STRETCH]), None)
    return None if first is None else first.text


def _auto(text: str, field: str) -> str | None:
    span = _stated(text, field)
    if span is None:
        return _unmarked(text)
    measured = quantity(span) if len(span) <= _LONGEST_STRETCH else None
    return measured[0].text if measured else shed(span) or None


def _stated(text: str, field: str) -> str | None:
    """What the text presents as its answer in so many words or signs."""
    if f'"{field}"' in text and (value := json_field(text, field)) is not None:
        return value
    line = last_line(text)
    if (span := hashed(text)) and line and span.start >= line.start:
        return span.text
    for span in (tagged(text), boxed(text)):
        if span is not None and span.text.strip():
            return span.text.strip()
    return _marker(text)


def _marker(text: str) -> str | None:
    """The last statement of the answer in words."""
    if span := tagged(text):
        return span.text or None
    if calls := called(text):
        return calls[-1].text or None
    span = last_of(declared(text)) or labelled(text)
    return None if span is None else sentence(span.text).strip(" *_").removeprefix("- ") or None


def _unmarked(text: str) -> str | None:
    """The answer of a text that marks none: a bare answer, or the last line's result."""
    line = last_line(text)
    if line is None or len(line.text) > _LONGEST_STRETCH:
        return None
    if numeral(line.text):
        return shed(line.text)
    found = list(numerals(line.text))
    if len(found) == 1 or (found and "=" in line.text):
        result = _number_in(line.text)
        return None if result is None else result.text
    alone = "\n" not in text.strip() and len(line.text.split()) <= _FEW_WORDS
    return shed(line.text) or None if alone else None


def _number(text: str, field: str) -> Numeral | None:
    """The number that the text states as its answer, else its last number."""
    stated = _stated(text, field)
    if stated is not None and (found := _number_in(stated)) is not None:
        return found
    return last_of(numerals(text[-_LONGEST_STRETCH:]))


def _number_in(span: str) -> Numeral | None:
    """The first number after the last `=` that a number follows; without `=`, the first."""
    span = span[:_LONGEST_STRETCH]
    if (whole := numeral(span)) is not None:
        return whole
    text = plain(span)
    found = list(numerals(text))
    if not found:
        return None
    equals = text.rfind("=", 0, found[-1].start + 1)
    return next(number for number in found if number.start >= equals)


def _only_number(text: str) -> Numeral | None:
    """The text as a number, with or without a unit."""
    if (whole := numeral(text)) is not None:
        return whole
    measured = quantity(text)
    return measured[0] if measured else None


def _equal(given: Numeral, wanted: Numeral) -> bool:
    if given.value == wanted.value:
        return True
    if given.percent == wanted.percent:
        return False
    percent, bare = (given, wanted) if given.percent else (wanted, given)
    return percent.value * 100 == bare.value


def _reference(reference: str) -> str:
    for find in (hashed, labelled, boxed):
        if span := find(reference):
            return span.text.strip()
    return reference.strip()


def _same_letter(letter: str | None, gold: str, choices: Sequence[str] | None) -> bool:
    """Whether the letter is the gold one; gold may be a letter or an option's text."""
    if letter is None:
        return False
    if _LETTER.fullmatch(gold):
        return same(letter, gold)
    return choices is not None and same(choices[MOST_LETTERS.index(letter)], gold)


_LONGEST_TEXT = 100_000
_LONGEST_STRETCH = 2_000
_FEW_WORDS = 8
_LETTER = re.compile(r"[ (]{0,3}[A-Za-z][ ).:]{0,3}")
