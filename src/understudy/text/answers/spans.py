r"""Where in a reply its answer stands: boxes, `####` lines, JSON fields, tags, statements.

Each function takes the whole text and gives the stretch that holds the answer, unread, or None.
All take time linear in the text, whatever the text is.
"""

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, TypeVar, cast

import json_repair

T = TypeVar("T")


class Span(NamedTuple):
    """A stretch of the text and where it begins."""

    start: int
    text: str


def cut_at_next_question(text: str) -> str:
    """The text up to the next line that begins `Q:`, where a completion begins another question."""
    body = text.lstrip()
    match = _QUESTION.search(body, 1)
    return body[: match.start()] if match else body


def find_box(text: str) -> Span | None:
    r"""The content of the last `\boxed{...}` or `\fbox{...}`, braces matched; also `\boxed 5`."""
    best: Span | None = None
    starts = list[int]()
    for token in _BRACE.finditer(text):
        if token[0] == "{":
            starts.append(-1)
        elif token[0] == "}":
            start = starts.pop() if starts else -1
            if start >= 0 and (best is None or start > best.start):
                best = Span(start, text[start : token.start()])
        elif token["box"]:
            starts.append(token.end())
    if best is not None:
        return best
    bare = last_of(_BARE_BOX.finditer(text))
    return Span(bare.start(1), bare[1]) if bare else None


def find_hash_line(text: str) -> Span | None:
    """What follows the last `####` on its line."""
    start = text.rfind("####")
    if start < 0:
        return None
    payload = text[start + 4 :].partition("\n")[0].strip()
    return Span(start, payload) if payload else None


def find_tag(text: str) -> Span | None:
    """The content of the last `<answer>...</answer>`."""
    small = text.lower() if text.isascii() else _lower_ascii(text)
    end = small.rfind("</answer>")
    start = small.rfind("<answer>", 0, max(end, 0))
    return Span(start, text[start + 8 : end].strip()) if start >= 0 else None


def find_calls(text: str) -> list[Span]:
    """The argument of the last `Answer("...")`, and of those joined to it: `... or Answer("C")`."""
    joined = list[re.Match[str]]()
    for call in _CALL.finditer(text):
        if joined and not _JOINT.fullmatch(text, joined[-1].end(), call.start()):
            joined.clear()
        joined.append(call)
    return [Span(call.start(), (call[1] or call[2] or call[3] or "").strip()) for call in joined]


def find_statements(text: str) -> Iterator[Span]:
    """What follows each `the answer is`, `Answer:` and the like, to the end of its line.

    If nothing follows on that line, the next line that is not blank. Statements that are denied or
    supposed ("the wrong answer is", "if the answer is") do not count.
    """
    for head in _HEAD.finditer(text):
        if _DENIED.search(text, max(0, head.start() - 80), head.start()):
            continue
        payload = _AFTER.match(text, head.end())
        if payload and (words := payload[1].strip()):
            yield Span(head.start(), words)


def find_label(text: str) -> Span | None:
    """The last line, if it begins `A:`."""
    line = find_last_line(text)
    if line is None or not (match := _LABEL.match(line.text)):
        return None
    words = line.text[match.end() :].strip()
    return Span(line.start, words) if words else None


def find_last_line(text: str) -> Span | None:
    """The last line that is not blank."""
    body = text.rstrip()
    start = body.rfind("\n") + 1
    return Span(start, body[start:].strip()) if body else None


def cut_to_sentence(text: str) -> str:
    """The first sentence, without its reason ("because ..."). `St.` and `U.S.` end none."""
    match = _STOP.search(text)
    return text[: match.start()] if match else text


def find_json_field(text: str, field: str) -> str | None:
    """The value of a field of the JSON object in the text, as text; numbers as they were written.

    Read in three ways, the strict one first: the fenced or whole text as JSON; the value after the
    last `"field":`, whatever is wrong elsewhere (raw newlines, a missing brace); the text repaired by
    json-repair, if it has at most `_REPAIRABLE` characters.
    """
    for body in _bodies(text):
        parsed, value = _loads(body), _ABSENT
        if isinstance(parsed, dict):
            value = cast(dict[str, object], parsed).get(field, _ABSENT)
        if value is not _ABSENT:
            return _as_text(value)
    key = last_of(re.finditer(rf'(?<!\\)"{re.escape(field)}" {{0,9}}:\s{{0,9}}', text))
    if key is not None:
        try:
            return _as_text(_DECODER.raw_decode(text, key.end())[0])
        except (ValueError, RecursionError):
            pass
    return _repair(text, field)


def _bodies(text: str) -> Iterator[str]:
    """What may be the JSON object: the last fenced block, else from the first brace to the last."""
    fence = text.rfind("```")
    if fence > 0 and (opening := text.rfind("```", 0, fence)) >= 0:
        yield text[opening + 3 : fence].removeprefix("json").strip()
    yield text[text.find("{") : text.rfind("}") + 1]


def _loads(body: str) -> object:
    try:
        return _DECODER.decode(body)
    except (ValueError, RecursionError):
        return None


def _repair(text: str, field: str) -> str | None:
    """json-repair can be slow on hostile text: it gets short and shallow text with the field."""
    start = text.find("{")
    if start < 0 or field not in text or len(text) > _REPAIRABLE:
        return None
    if text.count("{") + text.count("[") > _REPAIRABLE_BRACKETS:
        return None
    parsed = cast(object, json_repair.loads(text[start:], skip_json_loads=True))
    items = cast(list[object], parsed) if isinstance(parsed, list) else [parsed]
    for item in reversed(items):
        if isinstance(item, dict):
            return _as_text(cast(dict[str, object], item).get(field))
    return None


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    return value.source if isinstance(value, _Float) else json.dumps(value, ensure_ascii=False)


def _lower_ascii(text: str) -> str:
    """Lower case that keeps every offset (`str.lower` may lengthen a text)."""
    return text.translate(_TO_LOWER)


def last_of(items: Iterator[T]) -> T | None:
    """The last of several, or None."""
    return next(iter(deque(items, maxlen=1)), None)


class _Float(float):
    """A number of a JSON text that remembers how it was written: 0.10, not 0.1."""

    source: str = ""

    def __new__(cls, source: str) -> "_Float":
        self = super().__new__(cls, source)
        self.source = source
        return self


_ABSENT = object()
_REPAIRABLE = 20_000
_REPAIRABLE_BRACKETS = 50
_DECODER = json.JSONDecoder(strict=False, parse_float=_Float)
_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_QUESTION = re.compile(r"^Q ?:", re.MULTILINE)
_BRACE = re.compile(r"(?P<box>\\f?box(?:ed)? {0,3}\{)|\\[\\{}]|[{}]")
_BARE_BOX = re.compile(r"\\boxed {0,3}([^\s{}$\\.,]{1,50})")
_CALL = re.compile(
    r"""\b[Aa]nswer\ ?\(\s{0,3}(?:
        "([^"\n]{0,500})" | '([^'\n]{0,500})' | ([A-Z]|-?[0-9][0-9.,]{0,50})(?=\s{0,3}\))
    )""",
    re.VERBOSE,
)
_JOINT = re.compile(r"\W{0,20}(?:(?:or|and)\b\W{0,10})?(?:\w{1,10}:\W{0,3})?", re.IGNORECASE)
_HEAD = re.compile(
    r"""\b(?:(?:final|correct|best|right|closest|nearest|most\ \w{1,20})
        \ (?:answer|choice|option|result|completion|statement) | answer)\b
    (?:[*_"' ]{0,5}[:=] | [^.\n:=]{0,40}?\ (?:is|would\ be|should\ be|must\ be|will\ be|was)\b)
    (?:\ (?:therefore|thus|then|simply|just|indeed|about|approximately|roughly)\b)?
    [*_:=]{0,5}""",
    re.VERBOSE | re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:\bin ?correct|\bwrong|\bnot (?:the|an?)|\b(?:if|whether|suppose)(?: the)?|\bno"
    r"|\bif (?:i|we|you|one) (?:had|have|were|must)[^.\n]{0,60}) ?\Z",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\s*+([^\n]{0,2000})")
_LABEL = re.compile(r"A: ?")
_STOP = re.compile(
    r"""(?<!\b[A-Z][a-z])(?<!\.[A-Z])[.!?](?=\s+[A-Z("\[]|\s*+\Z)|,?\ (?:because|since)\b"""
)
