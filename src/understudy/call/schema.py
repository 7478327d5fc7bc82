"""Whether a reply is what a JSON Schema or a pydantic model asks for."""

from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from understudy.text import lenient_json
from understudy.types import Json


class SchemaReader:
    """Turn a reply's text into a value of the schema; ValueError says what is wrong."""

    def __init__(self, schema: type[BaseModel] | Json) -> None:
        self._adapter = None if isinstance(schema, dict) else TypeAdapter(schema)
        self.json_schema = schema if isinstance(schema, dict) else schema.model_json_schema()

    def __call__(self, reply: str) -> Any:
        value = lenient_json.loads(reply)
        if self._adapter is None:
            if lines := complaints(value, self.json_schema):
                raise ValueError(f"{'; '.join(lines)}.")
            return value
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            details = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'value'}: {e['msg']}" for e in error.errors()
            )
            raise ValueError(f"{details}.") from None


def complaints(value: Any, schema: Json) -> list[str]:
    """What a schema does not allow in a value, each with its place."""
    # Importing it takes a tenth of a second, and most runs check no such schema.
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    # With a registry of its own a `$ref` to elsewhere is not fetched.
    validator = validator_for(schema, Draft202012Validator)(schema, registry=Registry())
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'value'}: {error.message}"
        for error in validator.iter_errors(value)
    ]
