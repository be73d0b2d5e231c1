"""The JSON Schema of `filter.yaml`, for editors. The validator itself says more, and better."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from omote_filters.packs.model import Pack


class _ForEditors(GenerateJsonSchema):
    """What may be left out may not be written as null, and keys need no titles."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def schema() -> dict[str, Any]:
    """The schema, draft 2020-12."""
    made = Pack.model_json_schema(schema_generator=_ForEditors)
    return {"$schema": GenerateJsonSchema.schema_dialect, **made, "title": "Omote filter pack"}


def main() -> None:
    """Print the schema."""
    print(json.dumps(schema(), indent=1))  # noqa: T201 - its output is a file of the docs


if __name__ == "__main__":
    main()
