"""Config schemas: what passes can be validated against later without surprises."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions.domain.catalog import config_schemas
from functions.domain.catalog.config_schemas import ConfigSchemaInvalid

ALLOWED: list[dict[str, Any]] = [
    {"type": "object"},
    {"$schema": config_schemas.DIALECT, "type": "object", "additionalProperties": False},
    {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}, "required": ["key"]},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"$ref": "#/$defs/x"}}, "$defs": {"x": {}}},
    {
        "type": "object",
        "properties": {"$id": {"type": "string"}, "pattern": {"pattern": "^a"}, "$ref": {"type": "null"}},
    },
    {"type": "object", "$defs": {"a/b": True}, "properties": {"a": {"$ref": "#/$defs/a~1b"}}},
]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "/type"),
    ({"type": "string"}, "/type"),
    ({"type": "object", "properties": {"a": {"type": "text"}}}, "/properties/a/type"),
    ({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema"),
    ({"type": "object", "properties": {"a": {"$ref": "https://example.com/x"}}}, "/properties/a/$ref"),
    ({"type": "object", "properties": {"a": {"$ref": "other.json#/x"}}}, "/properties/a/$ref"),
    ({"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}}, "/properties/a/$ref"),
    ({"type": "object", "$ref": "#"}, "/$ref"),
    ({"type": "object", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, ""),
    ({"type": "object", "$id": "https://example.com/"}, "/$id"),
    ({"type": "object", "$dynamicRef": "#x"}, "/$dynamicRef"),
    ({"type": "object", "properties": {"a": {"pattern": "("}}}, "/properties/a"),
    ({"type": "object", "patternProperties": {"(": {}}}, ""),
    ({"type": "object", "description": "x" * config_schemas.MAX_BYTES}, ""),
]


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize("schema", ALLOWED)
def test_a_schema_that_passes_can_be_used(schema: dict[str, Any]) -> None:
    config_schemas.check(schema)
    assert list(Draft202012Validator(schema).iter_errors("no object"))


@pytest.mark.parametrize(("schema", "pointer"), REFUSED)
def test_what_would_surprise_later_is_refused_at_its_place(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ConfigSchemaInvalid) as refused:
        config_schemas.check(schema)
    assert refused.value.errors[0].pointer.startswith(f"/config_schema{pointer}")


def test_depth_is_bounded_with_and_without_references() -> None:
    config_schemas.check(nested(5))
    with pytest.raises(ConfigSchemaInvalid):
        config_schemas.check(nested(500))
    chain = {f"d{i}": {"properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}}} for i in range(40)} | {"d40": {}}
    with pytest.raises(ConfigSchemaInvalid, match="errors"):
        config_schemas.check({"type": "object", "$defs": chain})
