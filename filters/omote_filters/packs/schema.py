"""The JSON Schema of `filter.yaml`, for editors. The validator itself says more, and better."""

from __future__ import annotations

import json
from typing import Any

from omote_filters.packs.facts import DEMOGRAPHIC, NUMBERS, WORDS
from omote_filters.packs.model import MOST_LAYERS

Schema = dict[str, Any]

_NUMBER: Schema = {"type": "number"}
_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
_ID: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"}


def _object(properties: Schema, required: list[str], **more: object) -> Schema:
    closed = {"type": "object", "additionalProperties": False}
    return {**closed, "properties": properties, "required": required, **more}


def _condition(fact: str, question: Schema, **more: Schema) -> Schema:
    options: Schema = {
        "hold_ms": {"type": "number", "minimum": 0, "maximum": 60000},
        "min_confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "unknown": {"type": "boolean"},
    }
    required = [fact, "unknown"] if fact in DEMOGRAPHIC else [fact]
    return _object({fact: question, **options, **more}, required)


def _conditions() -> list[Schema]:
    limits = {
        "oneOf": [
            _object({"above": _NUMBER}, ["above"]),
            _object({"below": _NUMBER}, ["below"]),
            _object({"enter": _NUMBER, "leave": _NUMBER}, ["enter", "leave"]),
        ]
    }
    name = {"type": "string", "minLength": 1, "maxLength": 64}
    words = {
        fact: {"oneOf": [{"enum": list(of)}, {"type": "array", "items": {"enum": list(of)}}]}
        for fact, of in WORDS.items()
    }
    return [
        *(_condition(fact, limits) for fact in NUMBERS),
        *(_condition(fact, question) for fact, question in words.items()),
        _condition("largest", {"type": "boolean"}),
        _condition("event", name),
        _condition("param", name, **{"is": {}}),
    ]


def schema() -> Schema:
    """The schema, draft 2020-12."""
    rule = {"$ref": "#/$defs/rule"}
    many = {"type": "array", "items": rule, "minItems": 1}
    points = {
        "type": "array",
        "minItems": 2,
        "items": {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2},
    }
    over = {"enum": ["age", "mouth_open", "smile", "brow_raise"]}
    setting = {
        "oneOf": [
            {"type": ["number", "string", "boolean"]},
            _object({"param": _ID}, ["param"]),
            _object({"asset": _TEXT}, ["asset"]),
            _object({"over": over, "points": points, "unknown": _NUMBER}, ["over", "points"]),
        ]
    }
    settings = {"type": "object", "additionalProperties": setting}
    use = {"filter": _ID, "settings": settings}
    fade = {"type": "number", "minimum": 0, "maximum": 3000}
    layer = _object(
        {**use, "when": rule, "otherwise": _object(use, ["filter"]), "fade_ms": fade}, ["filter"]
    )
    about = {"label": {"type": "string"}, "hint": {"type": "string"}}
    parameters = [
        _object({"slider": _NUMBER, "low": _NUMBER, "high": _NUMBER, **about}, ["slider", "label"]),
        _object(
            {"choice": {"type": "string"}, "of": {"type": "array", "items": {}}, **about},
            ["choice", "of", "label"],
        ),
        _object(
            {"colour": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}, **about},
            ["colour", "label"],
        ),
        _object({"toggle": {"type": "boolean"}, **about}, ["toggle", "label"]),
        _object({"text": {"type": "string"}, **about}, ["text", "label"]),
    ]
    return _object(
        {
            "id": _ID,
            "name": _TEXT,
            "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
            "description": _TEXT,
            "parameters": {"type": "object", "additionalProperties": {"oneOf": parameters}},
            "layers": {"type": "array", "items": layer, "minItems": 1, "maxItems": MOST_LAYERS},
        },
        ["id", "name", "version", "description", "layers"],
        **{
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Omote filter pack",
            "$defs": {
                "rule": {
                    "oneOf": [
                        _object({"all": many}, ["all"]),
                        _object({"any": many}, ["any"]),
                        _object({"not": rule}, ["not"]),
                        *_conditions(),
                    ]
                }
            },
        },
    )


def main() -> None:
    """Print the schema."""
    print(json.dumps(schema(), indent=1))  # noqa: T201 - its output is a file of the docs


if __name__ == "__main__":
    main()
