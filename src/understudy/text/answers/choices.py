r"""Which lettered option a text gives as its answer.

A letter counts only where the text says that it is the answer: `Answer("B")`, `\boxed{B}`,
`#### B`, `The correct answer is (B)`, `Answer: B`, `option B is the best choice`, `So option B
...`, `..., which is choice B.`, a last line that is only `B`. Never the first capital in sight:
the article "A" and the word "Answer" are no options.

The last statement counts, and a formal one (the first three) goes before prose. A statement that
fits no option ("none of the above") or names two ("A or C") gives no answer, and no earlier
statement takes its place. Nor does a guess count ("the closest answer is C") where the text says
that no option fits. If the options' texts are known, a text may name its option ("the answer is
6 cm"), "none of the above" names the option that begins "None", and letters past the last option do
not count. If they are not known, A to J count. Only the last 100,000 characters and the last hundred
statements in them are read.
"""

import re
from collections.abc import Iterator, Sequence
from enum import Enum

from understudy.text.answers.equality import canonicalize
from understudy.text.answers.numbers import normalize, parse_number, parse_quantity, strip_markup
from understudy.text.answers.spans import (
    Span,
    find_box,
    find_calls,
    find_hash_line,
    find_last_line,
    find_statements,
    find_tag,
)

MOST_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _Nothing(Enum):
    """Why a statement yields no letter."""

    UNREADABLE = "says nothing about the options: look at the statement before"
    REFUSED = "names none of them, or two: stop"


def find_choice(text: str, choices: Sequence[str] | None = None) -> str | None:
    """The letter of the option that the text gives as its answer, or None."""
    options = _Options(choices)
    text = _EMPHASIS.sub("", text[-_LONGEST_TEXT:])
    for statements in (_formal(text), _prose(text)):
        latest_first = sorted(statements, reverse=True)[:_MOST_STATEMENTS]
        for statement in latest_first:
            letter = options.read(statement.text)
            if letter is _Nothing.UNREADABLE:
                continue
            if _GUESS.match(text, statement.start) and _refused(latest_first, options):
                return None
            return letter if isinstance(letter, str) else None
    return _closing(text, options)


def _refused(statements: list[Span], options: "_Options") -> bool:
    return any(options.read(statement.text) is _Nothing.REFUSED for statement in statements)


class _Options:
    """The options of one question, known by letter and, where given, by text."""

    def __init__(self, choices: Sequence[str] | None) -> None:
        self.letters = MOST_LETTERS[: 10 if choices is None else len(choices)]
        self.texts = [_fold(option) for option in choices or ()]
        self.keys = [canonicalize(option) for option in choices or ()]
        self.values = [_value(option) for option in choices or ()]

    def read(self, payload: str) -> str | _Nothing:
        """The letter that a statement's payload names."""
        if (letter := self.letter(payload)) is not None:
            return letter
        if _REFUSAL.match(payload):
            none = [place for place, text in enumerate(self.texts) if text.startswith("none")]
            return self.letters[none[0]] if len(none) == 1 else _Nothing.REFUSED
        return self.by_text(payload) or _Nothing.UNREADABLE

    def letter(self, payload: str) -> str | _Nothing | None:
        """The letter that the payload begins with."""
        if _SEVERAL.fullmatch(payload):
            return _Nothing.REFUSED
        if match := _ONLY.fullmatch(payload):
            letter = match[1].upper()
            missing = _Nothing.REFUSED if self.texts and match[1].isupper() else None
            return letter if letter in self.letters else missing
        if not (match := _FIRST.match(payload)):
            return None
        letter, rest = (match[1] or match[2]).upper(), payload[match.end() : match.end() + 40]
        if letter not in self.letters or (letter in "AI" and _ARTICLE.match(rest)):
            return None
        other = _SECOND.match(rest)
        if other and other[1] in self.letters and other[1] != letter:
            return _Nothing.REFUSED
        return letter

    def by_text(self, payload: str, *, whole: bool = False) -> str | None:
        """The one option whose text the payload is, or, unless `whole`, begins with."""
        if not self.texts:
            return None
        payload = payload[:_LONGEST_LINE]
        key, words, value = canonicalize(payload), _fold(payload), _value(payload)
        exact = [place for place, other in enumerate(self.keys) if other == key]
        prefixes = [
            place
            for place, text in enumerate(self.texts)
            if text and words.startswith(text) and not words[len(text) : len(text) + 1].isalnum()
        ]
        longest = max((len(self.texts[place]) for place in prefixes), default=0)
        prefixes = [place for place in prefixes if len(self.texts[place]) == longest]
        equal = [
            place for place, other in enumerate(self.values) if value is not None and other == value
        ]
        places = exact if whole else exact or prefixes or equal
        return self.letters[places[0]] if len(places) == 1 else None


def _formal(text: str) -> Iterator[Span]:
    """Statements in a form that is asked for: the last of each."""
    calls = find_calls(text)
    letters = {call.text for call in calls if len(call.text) == 1}
    if len(letters) > 1:
        yield Span(calls[-1].start, ", ".join(sorted(letters)))
    elif calls:
        yield calls[-1]
    for span in (find_box(text), find_hash_line(text), find_tag(text)):
        if span is not None:
            yield Span(span.start, _unwrap(span.text))


def _prose(text: str) -> Iterator[Span]:
    """Statements in sentences."""
    for span in find_statements(text):
        yield Span(span.start, _unwrap(span.text))
    for pattern in (_IS_BEST, _BARE_IS_BEST, _CONCLUDED, _ENDS_WITH, _THIS_ONE, _PICKED):
        for match in pattern.finditer(text):
            if not _SUPPOSED.search(text, max(0, match.start() - 16), match.start()):
                yield Span(match.start(), match["letter"])
    for match in _IS_OPTION.finditer(text):
        before = text[max(0, match.start() - 200) : match.start()]
        if _SUPERLATIVE.search(_CLAUSE_END.split(before)[-1]):
            yield Span(match.start(), match["letter"])


def _closing(text: str, options: _Options) -> str | None:
    """The last line, if it is a letter alone, an option's text, or a letter with its own text."""
    line = find_last_line(text)
    if line is None or len(line.text) > _LONGEST_LINE:
        return None
    payload = _unwrap(line.text)
    if (match := _ONLY.fullmatch(payload)) and match[1].upper() in options.letters:
        return match[1].upper()
    if match := _LETTERED.match(payload):
        letter = options.by_text(payload[match.end() :], whole=True)
        return letter if letter == match[1] else None
    return options.by_text(payload, whole=True)


def _unwrap(payload: str) -> str:
    """The payload without LaTeX around its words."""
    return normalize(_TEXT_COMMAND.sub("", payload)).strip("$ ") if "\\" in payload else payload


def _fold(text: str) -> str:
    return " ".join(strip_markup(normalize(text)).casefold().split())


def _value(text: str) -> object:
    if (number := parse_number(text)) is not None:
        return number.value
    return quantity[0].value if (quantity := parse_quantity(text)) is not None else None


_LONGEST_TEXT = 100_000
_MOST_STATEMENTS = 100
_LONGEST_LINE = 1_000
_LETTERED = re.compile(r"[\s(]{0,3}([A-Z])[).:]{1,2} ?")
_EMPHASIS = re.compile(r"\*+|__")
_TEXT_COMMAND = re.compile(r"\\(?:text|math)(?:bf|it|rm|tt|sf)? ?\{")
_L = r"""[(\["'\u201c]?(?P<letter>[A-Z])[)\]"'\u201d]?(?![\w'\u2019])"""
_ONLY = re.compile(r"""[\s("'\[{\u201c]{0,4}([A-Za-z])[\s)"'\]}\u201d.:,;]{0,5}""")
_SEVERAL = re.compile(r"[\s(]{0,3}[A-J](?:[\s,/&]{0,3}[A-J]){1,9}[\s).]{0,3}")
_FIRST = re.compile(
    r"""[\s("'\[{\u201c:$]{0,5}(?i:(?:option|choice|letter|answer)\s{1,3}[("'\[]?)?
        (?:([A-Z])(?![\w'\u2019]) | (?<=[("'\[])([a-z])(?=[)"'\]]))""",
    re.VERBOSE,
)
_ARTICLE = re.compile(r" (?!because|since|as\b|which|is\b|for\b|with|due|based|and|or\b|but)[a-z]")
_SECOND = re.compile(
    r"""[\s)"'\]}\u201d]{0,3}(?i:or|and|&|/|,\s?or|,\s?and)\s?(?i:option|choice)?[\s("'\[\u201c]{0,3}
        ([A-Z])(?![\w'\u2019])""",
    re.VERBOSE,
)
_REFUSAL = re.compile(
    r"""[\s("'\[{\u201c:$]{0,5}(?:none|neither|cannot|undetermined|unknown
        |not\ (?:in|one|among|any|here|given|listed|provided|available|included|present|found)
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
_BEST = r"(?i:(?:correct|best|right|most|answer)\b)"
_NOUN = r"(?i:option|choice|answer|letter)"
_IS = (
    r"(?i:is|would be|must be|seems to be|appears to be)"
    r" (?i:(?:indeed|clearly|therefore|thus|likely) ){0,2}"
)
_IS_BEST = re.compile(rf"\b{_NOUN} {_L} {_IS}(?i:correct\b|(?:the|our) {_BEST})")
_BARE_IS_BEST = re.compile(rf"(?<![\w(]){_L} {_IS}(?i:the|our) {_BEST}")
_CONCLUDED = re.compile(
    rf"""\b(?i:therefore|thus|hence|so|in\ conclusion|overall)\b,?\ (?i:the\ )?{_NOUN}\ {_L}
    (?!\ (?:is|does|can|has|would|and|or|are|was|could|may|might)\b
    |\ (?:not|cannot|doesn|isn)|,\ (?:[A-Z]|and|or)\b)""",
    re.VERBOSE,
)
_ENDS_WITH = re.compile(
    rf"(?i:which is|corresponds to|matches|,|\bor) (?i:indeed )?(?i:option|choice) {_L}"
    r"[.!]?(?: ?[:,][^.\n]{0,100}\.?)?(?=[ \t]{0,9}(?:\n|\Z))"
)
_IS_OPTION = re.compile(rf"\b(?i:is|be) (?i:indeed )?(?i:option|choice) {_L}")
_SUPERLATIVE = re.compile(r"\b(?:best|correct|right|most|answer|therefore|thus|hence)\b", re.I)
_CLAUSE_END = re.compile(r"[.!?\n]")
_THIS_ONE = re.compile(
    rf"^\W{{0,5}}(?:{_NOUN} )?{_L}[:).,]? {{0,3}}(?i:this is (?:the|our)) {_BEST}", re.MULTILINE
)
_PICKED = re.compile(
    rf"\b(?:I|[Ww]e)(?:'ll| will| would| should| must)? (?:select|choose|pick|go with) "
    rf"(?:{_NOUN} )?{_L}"
)
_GUESS = re.compile(r"(?:most (?:likely|probable)|closest|nearest|best guess)\b", re.IGNORECASE)
_SUPPOSED = re.compile(r"\b(?:if|whether|suppose|assuming|not that) ?\Z", re.IGNORECASE)
