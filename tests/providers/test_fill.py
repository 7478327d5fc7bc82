"""Instances of any JSON Schema."""

import datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model

from understudy.call.model import Model
from understudy.call.schema import complaints
from understudy.errors import ConfigError
from understudy.providers.fill import fill_schema
from understudy.providers.scripted import Scripted


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Tree(BaseModel):
    name: str
    children: "list[Tree]" = Field(default_factory=list)
    parent: "Tree | None" = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = Field(min_length=2, max_length=4)


class Everything(BaseModel):
    colour: Colour
    pet: Annotated[Union[Cat, Dog], Field(discriminator="kind")]  # noqa: UP007
    score: float = Field(gt=0, lt=1)
    even: int = Field(multiple_of=2, ge=10, le=14)
    code: str = Field(pattern=r"^[A-Z]{2,3}-\d{4}(a|b)?$")
    day: datetime.date
    moment: datetime.datetime
    id: UUID
    pair: tuple[int, str]
    names: set[str] = Field(min_length=3)
    table: dict[str, float] = Field(min_length=2)
    maybe: int | None
    tree: Tree
    always: Literal[7]
    short: str = Field(max_length=3)
    long: str = Field(min_length=40)


@pytest.mark.parametrize("seed", range(60))
def test_a_pydantic_model_of_everything_is_filled(seed: int) -> None:
    value = fill_schema(Everything.model_json_schema(), str(seed))
    Everything.model_validate(value)


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    schema = Everything.model_json_schema()
    values = [fill_schema(schema, seed) for seed in ("a", "a", "b")]
    assert values[0] == values[1] != values[2]


FIELDS: Any = st.sampled_from([
    (int, ...), (int, Field(ge=-5, lt=0)), (float, Field(gt=2, le=2.5)), (bool, ...), (str, ...),
    (str, Field(min_length=5, max_length=9)), (str, Field(pattern=r"\d+ (apples|pears)")),
    (list[int], Field(min_length=2)), (dict[str, bool], Field(min_length=1)), (Colour, ...),
    (Tree, ...), (Cat | Dog, ...), (int | str | None, None), (Literal["a", 2], ...),
    (tuple[bool, ...], ...), (set[int], ...), (datetime.time, ...), (list[list[Cat]], ...),
])  # fmt: skip


@given(st.dictionaries(st.sampled_from("abcdef"), FIELDS, min_size=1), st.text(max_size=3))
def test_what_pydantic_declares_is_filled_validly(fields: dict[str, Any], seed: str) -> None:
    model = create_model("Generated", **fields)
    model.model_validate(fill_schema(model.model_json_schema(), seed))


@pytest.mark.parametrize(
    "schema",
    [
        {}, {"const": {"a": 1}}, {"enum": [None]}, {"type": ["null", "integer"]},
        {"type": "object", "minProperties": 3}, {"required": ["x"], "properties": {}},
        {"type": "array", "contains": {"const": 5}, "maxItems": 4},
        {"type": "array", "prefixItems": [{"type": "null"}], "items": False, "minItems": 1},
        {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"required": ["a"]}]},
        {"oneOf": [{"type": "integer"}, {"type": "number", "multipleOf": 0.5}]},
        {"not": {"type": "string"}, "type": ["string", "integer"]},
        {"$defs": {"a/b": {"const": 1}}, "$ref": "#/$defs/a~1b"},
        {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
        {"type": "string", "format": "ipv6"}, {"type": "array", "uniqueItems": True, "minItems": 4,
                                               "items": {"enum": [1, 2, 3, 4]}},
        {"type": "object", "propertyNames": {"pattern": "^k[0-9]$"}, "minProperties": 2},
    ],
)  # fmt: skip
def test_what_a_schema_may_say_is_kept_to(schema: dict[str, Any]) -> None:
    for seed in "abcdefgh":
        assert complaints(fill_schema(schema, seed), schema) == []


def test_a_schema_that_nothing_satisfies_is_refused() -> None:
    with pytest.raises(ConfigError, match="Script a text for it"):
        fill_schema({"type": "integer", "minimum": 3, "maximum": 2})
    with pytest.raises(ConfigError, match="found nothing there"):
        fill_schema({"$ref": "#/$defs/nowhere"})
    with pytest.raises(ConfigError, match="a reference inside the JSON Schema"):
        fill_schema({"$ref": "https://example.com/schema"})


def test_a_few_values_come_each_once_before_any_comes_again() -> None:
    item = {"enum": ["a", "b", "c"]}
    value = fill_schema({"type": "array", "items": item, "minItems": 6, "maxItems": 6})
    assert sorted(value[:3]) == sorted(value[3:]) == ["a", "b", "c"]


# In a scripted model


async def test_a_script_without_an_answer_leaves_it_to_the_schema() -> None:
    model = Model.over("m", Scripted(lambda call: None))
    first, second = [await model.parse("?", Everything) for _ in range(2)]
    assert first != second
    again = Model.over("m", Scripted(lambda call: None))
    assert await again.parse("?", Everything) == first


async def test_without_a_schema_an_answer_is_missing() -> None:
    with pytest.raises(ConfigError, match="the script gave none"):
        await Model.over("m", Scripted(lambda call: None)).ask("?")
