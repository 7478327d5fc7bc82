r"""When two answers are the same answer.

`canonicalize` turns an answer into a key; two answers are the same exactly if their keys are equal.
Equality is therefore reflexive, symmetric and transitive by construction, grouping n answers takes
n keys, and the order in which answers arrive cannot change the groups.

The rules, all of them:

* Numbers are equal by value, exactly: 1/2 = 0.5 = 50 % = `\frac{1}{2}` = `\dfrac12` = .50;
  $1,000 = 1000.00. 0.333 is not 1/3. A percent sign divides by 100, so 50 % is 0.5 and is **not**
  50: a task that asks for percent should say in which form. (`grade`, which knows the reference,
  is lenient there.)
* Units count: `18 apples` equals `18.0 apples`, but not `18` and not `18 pears`. Equality is
  transitive, so dropping units would make 1 hour equal 1 minute. `extract` drops the unit of a lone
  quantity. Currency and degree signs are not units and do not count; `dollars` is
  a currency sign.
* Dates, times, versions are text: 12/13/2001 is not a division.
* `x = 5` is 5. Round brackets around one thing do not count: (b) = B, (5) = 5.
* `{1, 2}` is a set, without order and repetitions; `(1, 2)`, `[1, 2]`, `(1, 2]` are ordered and the
  kind of bracket counts. Where commas followed by a blank occur, only those separate members.
* All other text is compared after NFKC, case folding, removal of the outer marks (blanks, quotes,
  emphasis, `$`, a final period), with blanks collapsed and none around operators and brackets.

An answer of more than `LONGEST` characters is compared as text, whatever it is.
Nothing is computed: 3 + 4 is not 7 and `\sqrt{4}` is not 2.
"""

import re
import unicodedata
from itertools import pairwise
from typing import NewType

from understudy.text.answers.numbers import normalize, parse_number, parse_quantity, strip_markup

Canonical = NewType("Canonical", str)
"""The key of an answer: hashable, sortable, and the same on every machine and in every run."""

LONGEST = 2_000
"""Longest answer that is parsed, in characters."""
_DEEPEST = 8
"""Deepest nesting of brackets that is parsed; deeper ones are compared as text."""
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_VARIABLE = re.compile(r"[A-Za-z] ?= ?(.*)", re.DOTALL)
_TIGHT = re.compile(r" ?([-+*/=^<>,;:|()\[\]{}]) ?")


def canonicalize(answer: str) -> Canonical:
    """The key under which the answer is grouped with its equals."""
    answer = answer.strip()
    if len(answer) > LONGEST:
        return Canonical(
            "text " + " ".join(unicodedata.normalize("NFKC", answer).casefold().split())
        )
    return Canonical(_key(strip_markup(normalize(answer)), 0))


def is_equivalent(a: str, b: str) -> bool:
    """Whether two answers are the same answer."""
    return canonicalize(a) == canonicalize(b)


def _key(text: str, depth: int) -> str:
    if (number := parse_number(text)) is not None:
        return f"number {number.value}"
    if (match := _VARIABLE.fullmatch(text)) and (number := parse_number(match[1])) is not None:
        return f"number {number.value}"
    if depth < _DEEPEST and (members := _members(text)) is not None:
        if len(members) == 1 and text[0] == "(":
            return _key(strip_markup(members[0]), depth + 1)
        keys = [_key(strip_markup(member), depth + 1) for member in members]
        if text[0] == "{":
            return "set " + _join(sorted(set(keys)))
        return f"tuple {text[0]}{text[-1]} {_join(keys)}"
    if (quantity := parse_quantity(text)) is not None:
        number, unit = quantity
        return f"quantity {number.value} {unit.casefold()}"
    return "text " + _fold(text)


def _members(text: str) -> list[str] | None:
    """What one pair of brackets around the whole text holds; None if there is no such pair."""
    if len(text) < 2 or text[0] not in _PAIRS or text[-1] not in ")]}":
        return None
    if (text[0] == "{") != (text[-1] == "}"):
        return None
    inner = text[1:-1]
    depth, commas = 0, list[int]()
    for place, char in enumerate(inner):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 0:
            commas.append(place)
        if depth < 0:
            return None
    if depth:
        return None
    if text[0] == "(" and text[-1] == ")" and parse_number(inner) is not None:
        return [inner]
    spaced = [place for place in commas if inner[place + 1 : place + 2].isspace()]
    edges = [-1, *(spaced or commas), len(inner)]
    return [inner[a + 1 : b].strip() for a, b in pairwise(edges)]


def _join(keys: list[str]) -> str:
    """One string from which the keys could be told apart again, so that no two lists share it."""
    return "".join(f"{len(key)}:{key}," for key in keys)


def _fold(text: str) -> str:
    text = unicodedata.normalize("NFKC", text.casefold())
    return _TIGHT.sub(r"\1", " ".join(text.split()))
