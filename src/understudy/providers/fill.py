"""An instance of any JSON Schema, made up: what `Scripted` says where a request has a schema.

The same seed gives the same instance. It is checked against the schema before it is returned.
Not looked at are `patternProperties`, `dependentSchemas`, `if` and `unevaluated...`; an instance
that is wrong for their sake is made again, and after some tries the schema is refused.
"""

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, cast

from understudy.call.schema import complaints
from understudy.errors import ConfigError
from understudy.providers.fill_pattern import fill_pattern
from understudy.types import Json

TRIES = 60
"""Instances made before a schema is refused."""
DEEP = 4
"""Levels below which only what is required is filled."""
WORDS = (
    "plain",
    "water",
    "seven",
    "garden",
    "letter",
    "bridge",
    "morning",
    "copper",
    "quiet",
    "north",
)


def fill_schema(schema: Json, seed: str = "") -> Any:
    """A value that satisfies `schema`.

    Raises:
        ConfigError: none was found.
    """
    wrong = ""
    for number in range(TRIES):
        try:
            value = _Filler(schema, Random(f"{seed}/{number}")).fill(schema, 0)
        except _ImpossibleError as error:
            wrong = str(error)
            continue
        if not (lines := complaints(value, schema)):
            return value
        wrong = lines[0]
    raise ConfigError(
        f"expected a JSON Schema that can be filled, found none of {TRIES} instances valid: {wrong}. "
        "Script a text for it."
    )


class _ImpossibleError(ValueError):
    """This choice leads nowhere."""


class _Filler:
    def __init__(self, root: Json, rng: Random) -> None:
        self._root, self._rng = root, rng
        self._decks: dict[int, list[Any]] = {}

    def fill(self, schema: object, depth: int) -> Any:
        """An instance of a part of the schema; `depth` levels of objects, arrays and references down."""
        if not isinstance(schema, dict):
            if schema is False:
                raise _ImpossibleError("a part of the schema allows no value")
            return self._word()
        node = self._flatten(cast("Json", schema), depth)
        if depth > 60:
            raise _ImpossibleError("the schema has no end")
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return self._deal(cast("list[Any]", node["enum"]))
        match self._kind(node):
            case "object":
                return self._object(node, depth)
            case "array":
                return self._array(node, depth)
            case "integer":
                return self._number(node, whole=True)
            case "number":
                return self._number(node, whole=False)
            case "boolean":
                return self._rng.random() < 0.5
            case "null":
                return None
            case _:
                return self._string(node)

    def _deal(self, options: list[Any]) -> Any:
        """One of a few values, none again before all were dealt: a list of what there is of each kind
        often has each once."""
        deck = self._decks.setdefault(id(options), [])
        if not deck:
            deck += self._rng.sample(options, len(options))
        return deck.pop()

    def _flatten(self, node: Json, depth: int) -> Json:
        """The schema with its references, alternatives and conjunctions taken in."""
        for _ in range(30):
            rest = {k: v for k, v in node.items() if k not in ("$ref", "allOf", "anyOf", "oneOf")}
            if "$ref" in node:
                node = _merge(rest, self._resolve(str(node["$ref"])))
            elif "allOf" in node:
                for part in cast("list[Json]", node["allOf"]):
                    rest = _merge(rest, part)
                node = rest | {k: node[k] for k in ("anyOf", "oneOf") if k in node}
            elif options := node.get("anyOf") or node.get("oneOf"):
                node = _merge(rest, self._choose(cast("list[Any]", options), depth))
            else:
                return node
        raise _ImpossibleError("references that lead to each other")

    def _choose(self, options: Sequence[Any], depth: int) -> Json:
        if depth > DEEP:  # what holds no other parts comes to an end
            ends = [o for o in options if not {"$ref", "properties", "items"} & set(o)]
            options = ends or options
        option = self._rng.choice(options)
        return cast("Json", option) if isinstance(option, dict) else {}

    def _resolve(self, ref: str) -> Json:
        if not ref.startswith("#"):
            raise ConfigError(f"expected a reference inside the JSON Schema, found {ref!r}.")
        node: Any = self._root
        for part in ref.lstrip("#/").split("/") if ref != "#" else ():
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list):
                parts = cast("list[Any]", node)
                node = parts[int(part)] if part.isdecimal() and int(part) < len(parts) else None
            else:
                node = cast("Json", node).get(part) if isinstance(node, dict) else None
            if node is None:
                raise ConfigError(f"expected the JSON Schema to have {ref!r}, found nothing there.")
        return cast("Json", node) if isinstance(node, dict) else {}

    def _kind(self, node: Json) -> str:
        kind = node.get("type")
        if isinstance(kind, list):
            return str(self._rng.choice(cast("list[str]", kind)))
        if kind:
            return str(kind)
        for word, guess in _GUESSES.items():
            if word in node:
                return guess
        return "string"

    def _object(self, node: Json, depth: int) -> Json:
        properties = cast("Json", node.get("properties") or {})
        required = set(cast("list[str]", node.get("required") or []))
        value: Json = {}
        for name, part in properties.items():
            if name in required or (depth < DEEP and self._rng.random() < 0.7):
                value[name] = self.fill(part, depth + 1)
        others = node.get("additionalProperties", True)
        for name in sorted(required - properties.keys()):
            value[name] = self.fill(others, depth + 1)
        names = cast("Json", node.get("propertyNames") or {})
        for i in range(1_000):
            if len(value) >= node.get("minProperties", 0):
                break
            name = str(self.fill(names, depth + 1)) if names else f"{self._word()}_{i}"
            value.setdefault(name, self.fill(others, depth + 1))
        return value

    def _array(self, node: Json, depth: int) -> list[Any]:
        first = cast("list[Any]", node.get("prefixItems") or [])
        value = [self.fill(part, depth + 1) for part in first]
        items, least = node.get("items", True), int(node.get("minItems", 0))
        if items is False:
            return value
        most = int(node.get("maxItems", max(least, 3)))
        length = (
            least if depth >= DEEP else self._rng.randint(least, max(least, min(most, least + 2)))
        )
        if "contains" in node:
            value.append(self.fill(node["contains"], depth + 1))
        for _ in range(1_000):
            if len(value) >= length:
                break
            item = self.fill(items, depth + 1)
            if not node.get("uniqueItems") or item not in value:
                value.append(item)
        return value

    def _number(self, node: Json, *, whole: bool) -> float | int:
        low = max(node.get("minimum", -math.inf), node.get("exclusiveMinimum", -math.inf))
        high = min(node.get("maximum", math.inf), node.get("exclusiveMaximum", math.inf))
        if low == -math.inf:
            low = min(0, high - 10) if high < math.inf else 0
        if high == math.inf:
            high = low + 10
        step = node.get("multipleOf", 1 if whole else None)
        if step is None:
            inner = self._rng.uniform(low, high)
            return low if low == high else min(max(inner, math.nextafter(low, high)), high)
        first, last = math.ceil(low / step), math.floor(high / step)
        first += "exclusiveMinimum" in node and first * step == node["exclusiveMinimum"]
        last -= "exclusiveMaximum" in node and last * step == node["exclusiveMaximum"]
        if first > last:
            raise _ImpossibleError(f"no number from {low} to {high} is a multiple of {step}")
        number = self._rng.randint(first, last) * step
        return int(number) if whole else number

    def _string(self, node: Json) -> str:
        if "pattern" in node:
            return fill_pattern(str(node["pattern"]), self._rng)
        if (form := _FORMATS.get(str(node.get("format", "")))) is not None:
            return form(self._rng)
        text = " ".join(self._word() for _ in range(self._rng.randint(1, 3)))
        least, most = int(node.get("minLength", 0)), node.get("maxLength")
        while len(text) < least:
            text += f" {self._word()}"
        return text if most is None else text[: int(most)]

    def _word(self) -> str:
        return self._rng.choice(WORDS)


_GUESSES = {
    "properties": "object", "required": "object", "additionalProperties": "object",
    "items": "array", "prefixItems": "array", "minItems": "array", "minimum": "number",
    "maximum": "number", "multipleOf": "number",
}  # fmt: skip
"""The type of a schema that names none, by a keyword of it."""


def _merge(a: Json, b: Mapping[str, Any]) -> Json:
    """Both at once: their properties and requirements together, for the rest what `b` says."""
    merged = {**a, **b}
    if "properties" in a and "properties" in b:
        merged["properties"] = {**a["properties"], **b["properties"]}
    if "required" in a and "required" in b:
        merged["required"] = [*a["required"], *b["required"]]
    for word, narrower in (
        ("minimum", max),
        ("maximum", min),
        ("minLength", max),
        ("maxLength", min),
    ):
        if word in a and word in b:
            merged[word] = narrower(a[word], b[word])
    return merged


def _day(rng: Random) -> str:
    return (datetime.date(2000, 1, 1) + datetime.timedelta(days=rng.randint(0, 9_000))).isoformat()


def _time(rng: Random) -> str:
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}Z"


def _uuid(rng: Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    digits = f"{digits[:12]}4{digits[13:16]}a{digits[17:]}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


_FORMATS: dict[str, Callable[[Random], str]] = {
    "date": _day,
    "time": _time,
    "date-time": lambda rng: f"{_day(rng)}T{_time(rng)}",
    "duration": lambda rng: f"P{rng.randint(1, 30)}D",
    "email": lambda rng: f"{rng.choice(WORDS)}@example.com",
    "idn-email": lambda rng: f"{rng.choice(WORDS)}@example.com",
    "hostname": lambda rng: f"{rng.choice(WORDS)}.example.com",
    "uri": lambda rng: f"https://example.com/{rng.choice(WORDS)}",
    "uuid": _uuid,
    "ipv4": lambda rng: ".".join(str(rng.randint(1, 254)) for _ in range(4)),
    "ipv6": lambda rng: ":".join(f"{rng.randint(1, 65_535):x}" for _ in range(8)),
    "json-pointer": lambda rng: f"/{rng.choice(WORDS)}",
    "regex": lambda rng: rng.choice(WORDS),
}
"""How a string of a format is made up."""
