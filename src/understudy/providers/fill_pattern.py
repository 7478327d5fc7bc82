"""A text that matches a regular expression, made up."""

import importlib
import string
from random import Random
from typing import Any, cast

from understudy.errors import ConfigError

# Python has no public way to take an expression apart.
_parser = cast("Any", importlib.import_module("re._parser"))

MOST_REPEATS = 4
"""Repeats beyond those that an expression asks for at least."""
_CATEGORIES = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_WORD": string.ascii_letters + string.digits + "_",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": string.ascii_letters,
    "CATEGORY_NOT_WORD": " .,-",
    "CATEGORY_NOT_SPACE": string.ascii_letters + string.digits,
}
_PRINTABLE = string.ascii_letters + string.digits + " .,-_"


def fill_pattern(pattern: str, rng: Random) -> str:
    """A text in which `pattern` is found; of an open end, no more than there must be.

    Raises:
        ConfigError: the expression is none, or uses what only looks around.
    """
    try:
        tree = _parser.parse(pattern)
    except Exception as error:
        raise ConfigError(
            f"expected a regular expression as pattern of a JSON Schema, found {pattern!r}: {error}."
        ) from error
    return _Writer(pattern, rng).write(tree)


class _Writer:
    def __init__(self, pattern: str, rng: Random) -> None:
        self._pattern, self._rng = pattern, rng
        self._groups: dict[int, str] = {}

    def write(self, tree: Any) -> str:
        """A text for a parsed expression."""
        return "".join(self._one(str(op), argument) for op, argument in tree)

    def _one(self, op: str, argument: Any) -> str:
        rng = self._rng
        match op:
            case "LITERAL":
                return chr(argument)
            case "NOT_LITERAL":
                return rng.choice([c for c in _PRINTABLE if ord(c) != argument])
            case "ANY":
                return rng.choice(_PRINTABLE)
            case "IN":
                return rng.choice(self._characters(argument))
            case "AT":
                return ""
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, inner = argument
                times = rng.randint(least, min(int(most), least + MOST_REPEATS))
                return "".join(self.write(inner) for _ in range(times))
            case "SUBPATTERN":
                number, inner = argument[0], argument[-1]
                text = self.write(inner)
                if number is not None:
                    self._groups[number] = text
                return text
            case "ATOMIC_GROUP":
                return self.write(argument)
            case "BRANCH":
                return self.write(rng.choice(argument[1]))
            case "GROUPREF":
                return self._groups.get(argument, "")
            case _:
                raise ConfigError(
                    f"expected a pattern without look-around, found {self._pattern!r}. Script a text."
                )

    def _characters(self, parts: Any) -> list[str]:
        inside, negated = set[str](), False
        for op, argument in parts:
            match str(op):
                case "NEGATE":
                    negated = True
                case "LITERAL":
                    inside.add(chr(argument))
                case "RANGE":
                    low, high = argument
                    inside |= {chr(code) for code in range(low, min(high, low + 200) + 1)}
                case _:
                    inside |= set(_CATEGORIES.get(str(argument), ""))
        characters = set(_PRINTABLE) - inside if negated else inside
        if not characters:
            raise ConfigError(
                f"no character was found for {self._pattern!r}. Script a text for it."
            )
        return sorted(characters)
