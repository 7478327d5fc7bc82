"""Whether a reply is what a schema asks for."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field
from referencing.exceptions import Unresolvable

from understudy.call.schema import SchemaReader, complaints


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


class Team(BaseModel):
    members: list[Person]


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
}
ADA = '{"name": "Ada", "age": 36}'


def test_a_reply_becomes_a_value_of_the_pydantic_model() -> None:
    assert SchemaReader(Person)(ADA) == Person(name="Ada", age=36)


def test_a_reply_to_a_json_schema_becomes_plain_json() -> None:
    assert SchemaReader(SCHEMA)(ADA) == {"name": "Ada", "age": 36}


def test_the_json_schema_is_what_an_endpoint_is_sent() -> None:
    assert SchemaReader(SCHEMA).json_schema is SCHEMA
    assert SchemaReader(Person).json_schema == Person.model_json_schema()


@pytest.mark.parametrize("schema", [Person, SCHEMA])
def test_json_is_found_in_what_stands_around_it(schema: Any) -> None:
    assert SchemaReader(schema)(f"Sure:\n```json\n{ADA}\n```\nDone.") == SchemaReader(schema)(ADA)


@pytest.mark.parametrize("schema", [Person, SCHEMA])
def test_a_reply_without_json_is_a_value_error(schema: Any) -> None:
    with pytest.raises(ValueError, match="expected JSON"):
        SchemaReader(schema)("no idea")


@pytest.mark.parametrize("schema", [Person, SCHEMA])
def test_every_fault_of_a_value_is_said_with_its_place(schema: Any) -> None:
    with pytest.raises(ValueError, match=r"age: .*name|name.*age: ") as caught:
        SchemaReader(schema)('{"name": 5, "age": -1}')
    assert str(caught.value).endswith(".")
    assert str(caught.value).count(";") == 1


def test_the_place_of_a_fault_is_the_path_to_it() -> None:
    with pytest.raises(ValueError, match=r"^members\.1\.age: "):
        SchemaReader(Team)('{"members": [{"name": "a", "age": 1}, {"name": "b", "age": -1}]}')
    inner = {"type": "array", "items": {"properties": {"a": {"type": "integer"}}}}
    assert complaints([{"a": 1}, {"a": "x"}], inner) == ["1.a: 'x' is not of type 'integer'"]


def test_a_fault_of_the_whole_value_has_a_place_too() -> None:
    assert complaints(5, {"type": "string"}) == ["value: 5 is not of type 'string'"]
    with pytest.raises(ValueError, match=r"^value: "):
        SchemaReader(Person)("[]")


def test_a_value_that_is_allowed_has_no_complaints() -> None:
    assert complaints({"name": "Ada", "age": 0}, SCHEMA) == []
    assert complaints("anything", {}) == []


def test_the_draft_that_a_schema_names_is_the_one_that_counts() -> None:
    tuples: dict[str, Any] = {"items": [{"type": "string"}], "additionalItems": False}
    old = tuples | {"$schema": "http://json-schema.org/draft-07/schema#"}
    assert complaints(["a"], old) == []
    assert len(complaints(["a", "b"], old)) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_reference_to_elsewhere_is_not_fetched(tmp_path: Path) -> None:
    elsewhere = tmp_path / "schema.json"
    elsewhere.write_text('{"type": "object"}')
    with pytest.raises(Unresolvable):
        complaints({}, {"$ref": elsewhere.as_uri()})
