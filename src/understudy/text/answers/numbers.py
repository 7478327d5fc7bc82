r"""Numbers as people and models write them, read exactly and never evaluated.

`$1,000.00` is 1000, `3\frac12` is 7/2 and `50 %` is 1/2. Understood are
signs, thousands commas (also 1,00,000), decimals, fractions, mixed numbers, scientific notation
(`1.5e3`, `1.5 x 10^3`), scale words up to trillion, percent, currency signs, LaTeX fractions and
Unicode digits. Currency and degree signs are dropped: within one task they do not vary.

Not numbers: dates (12/13/2001, 2001-12-13), version numbers (1.2.3), number words (eighteen),
anything that would have to be computed (3 + 4, 2^10), and whatever has more than `MAX_DIGITS`
digits or an exponent beyond `MAX_EXPONENT`, so that a hostile reply costs no more than its length.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

MAX_DIGITS = 1_000
"""Most digits that one number may have."""
MAX_EXPONENT = 1_000
"""Largest power of ten, either way."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number found in a text."""

    text: str
    """As written, after `normalize`."""
    value: Fraction
    percent: bool
    """Whether a percent sign was part of it; `value` is then already divided by 100."""
    start: int
    """Offsets into the plain text."""
    end: int


def normalize(text: str) -> str:
    r"""The text in one notation: NFKC, ASCII minus and times, LaTeX wrapping gone, \frac as a/b."""
    text = _SUPERSCRIPT.sub(lambda match: "^" + match[0], text)
    text = _VULGAR.sub(lambda match: " " + match[0], text)
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    if "\\" in text:
        text = text.replace("{,}", ",")
        for pattern, new in _LATEX:
            text = pattern.sub(new, text)
        text = _FRAC.sub(_slash, text)
    return text.replace("^{°}", "").replace("^°", "").replace("°", "")


def parse_number(text: str) -> Number | None:
    """The text as one number; quotes, emphasis and a final period around it do not matter."""
    text = strip_markup(normalize(text))
    if len(text) > 4 * MAX_DIGITS:
        return None
    if (match := _NUMERAL.fullmatch(text)) is None:
        match = _NUMERAL.fullmatch(text.strip("$ "))
    return None if match is None else _read(match)


def find_numbers(text: str) -> Iterator[Number]:
    """Every number in the text, in order."""
    for match in _NUMERAL.finditer(normalize(text)):
        if (number := _read(match)) is not None:
            yield number


def parse_quantity(text: str) -> tuple[Number, str] | None:
    """A number and the few words after it that name its unit: `("18", "apples")`.

    A unit is up to four words in small letters. `12 Angry Men`, `5 pm` and `6th` are no quantities.
    """
    text = _MATHS.sub(r"\1", " ".join(strip_markup(normalize(text)).split()))
    match = _NUMERAL.match(text)
    if match is None or (number := _read(match)) is None:
        return None
    unit = text[match.end() :]
    if len(unit) > _LONGEST_UNIT or not _UNIT.fullmatch(unit):
        return None
    return number, unit.strip()


def strip_markup(text: str) -> str:
    """The text without the marks around it: blanks, quotes, emphasis, `$`, a final period."""
    text = text.strip(_MARKS + ".,;:!" if text.startswith(tuple(_MARKS)) else _MARKS)
    text = text.rstrip(".,;:!" + _MARKS)
    if len(text) > 1 and text[0] == "$" == text[-1]:
        text = text.strip("$").strip(_MARKS)
    return text


def _read(match: re.Match[str]) -> Number | None:
    """The value of a match; None for dates, divisions by zero and monsters."""
    if match["date"] or match.end() - match.start() > 4 * MAX_DIGITS:
        return None
    part = {name: text.replace(",", "") for name, text in match.groupdict("").items()}
    if any(len(part[name]) > MAX_DIGITS for name in ("whole", "over", "under", "top", "bottom")):
        return None
    exponent = part["exponent"] or part["power"] or part["ten"] or "0"
    if len(exponent) > len(f"-{MAX_EXPONENT}") or abs(power := int(exponent)) > MAX_EXPONENT:
        return None
    if part["whole"]:
        top, bottom = Fraction(part["over"]), Fraction(part["under"])
    else:
        top, bottom = Fraction(part["top"] or 1), Fraction(part["bottom"] or 1)
    if not bottom:
        return None
    number = (Fraction(part["whole"] or 0) + top / bottom) * Fraction(10) ** power
    if part["scale"]:
        number *= _SCALES[part["scale"].casefold()]
    if part["percent"]:
        number /= 100
    if (part["sign"] == "-") != (part["sign_2"] == "-"):
        number = -number
    return Number(match[0].strip(), number, bool(part["percent"]), match.start(), match.end())


def _slash(match: re.Match[str]) -> str:
    top, bottom = match[1] or match[2], match[3] or match[4]
    if _BARE.fullmatch(top) and _BARE.fullmatch(bottom):
        return f" {top.strip()}/{bottom.strip()}"
    return f" ({top})/({bottom})"


# Every repetition is bounded, possessive, or starts at a character that it alone can consume, so
# all patterns take time linear in the text.
_MARKS = " \t\r\n\f\v\"'`*_\u201c\u201d\u2018\u2019"
_SUPERSCRIPT = re.compile("[\u00b9\u00b2\u00b3\u2070\u2074-\u207b]+")
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e\u2189]")
_SIGNS = str.maketrans(
    {"\u2044": "/", "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2013": "-"}
    | {"\u00d7": "*", "\u22c5": "*", "\u00b7": "*"}
)
_LATEX = (
    (re.compile(r"\\[,!]"), ""),
    (re.compile(r"\\[;: ]|\\q?quad(?![A-Za-z])|\\\\"), " "),
    (re.compile(r"\\(?:left|right|displaystyle|[Bb]igg?[lr]?)(?![A-Za-z])|\\[()\[\]]"), ""),
    (
        re.compile(r"\\(?:(?:text|math)(?:bf|it|rm)?|mbox|operatorname) ?\{([^{}]*)\}"),
        r"\1",
    ),
    (re.compile(r"\\(?:times|cdot)(?![A-Za-z])"), "*"),
    (re.compile(r"\^ ?(?:\{ ?\\circ ?\}|\\circ(?![A-Za-z]))"), ""),
    (re.compile(r"\\([%$#&_{}])"), r"\1"),
)
_FRAC = re.compile(
    r"\\[dtc]?frac {0,3}(?:\{([^{}]{1,2000})\}|([0-9])) {0,3}(?:\{([^{}]{1,2000})\}|([0-9]))"
)
_MATHS = re.compile(r"\A\$ ?([^$]{1,2000})\$")
_BARE = re.compile(r" *[+-]?[0-9.,]+ *")
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_LONGEST_UNIT = 40
_WORD = r"[a-z]++(?:[/^.-]?[a-z0-9]++){0,3}\.?"
_UNIT = re.compile(rf" ?(?![ap]\.?m\b|th\b|st\b|nd\b|rd\b)(?:{_WORD}(?: {_WORD}){{0,3}})")

_DIGITS = (
    r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,300}(?![0-9])"
    r"|[0-9]{1,2}(?:,[0-9]{2}){1,12},[0-9]{3}(?![0-9])"
    r"|[0-9]++)"
)
_NUMBER = rf"(?:{_DIGITS}(?:\.[0-9]++)?|\.[0-9]++)"
_CURRENCY = r"(?:[$€£¥₹]|(?<!\w)(?:rs|us\$|usd|eur|gbp|inr)\.?)"
_NUMERAL = re.compile(
    rf"""
    (?:(?<![\w)\]}}])(?<![0-9)\]}}]\ )(?P<sign>[+-])(?:(?=[$€£¥₹.0-9])|(?=\ [0-9]++/)))?
    (?:{_CURRENCY}\ ?)?
    (?P<sign_2>(?<=[$€£¥₹])[+-])?
    \ ?(?<!\w)(?<![0-9]\.)
    (?:
        (?P<date>[0-9]++(?:/[0-9]++){{2,}}|[0-9]++(?:\.[0-9]++){{2,}}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})
      | (?P<whole>{_DIGITS})\ {{1,3}}(?P<over>[0-9]++)\ ?/\ ?(?P<under>[0-9]++)
      | 10\ ?\^\ ?[({{]?(?P<ten>[+-]?[0-9]++)[)}}]?
      | (?P<top>{_NUMBER})
        (?:
            \ ?/\ ?(?P<bottom>[+-]?{_NUMBER})
          | e(?P<exponent>[+-]?[0-9]++)(?!\w)
          | \ ?[*x]\ ?10\ ?\^\ ?[({{]?(?P<power>[+-]?[0-9]++)[)}}]?
        )?
    )
    (?:\ ?(?P<scale>thousand|million|billion|trillion)(?!\w))?
    (?:\ ?(?P<percent>%|per\ ?cent(?!\w)))?
    (?:\ ?(?:dollars?|usd|[€£¥₹])(?!\w))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
