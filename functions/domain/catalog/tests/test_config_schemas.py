"""Config schemas: what passes can be validated against later without surprises."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
schemas = st.recursive(
    st.sampled_from(
        [{"type": "string"}, {"$ref": "#"}, {"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}, {"enum": [1]}, True]
    ),
    lambda inner: (
        st.dictionaries(
            st.sampled_from(["items", "not", "if", "then", "additionalProperties", "contains", "propertyNames"]),
            inner,
            max_size=3,
        )
        | st.lists(inner, min_size=1, max_size=2).map(lambda several: {"anyOf": several})
        | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2).map(lambda several: {"properties": several})
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(a=schemas, b=schemas, top=schemas, config=json_values)
def test_whatever_passes_never_breaks_later(a: object, b: object, top: object, config: object) -> None:
    schema: dict[str, Any] = {"type": "object", "$defs": {"a": a, "b": b}, "properties": {"x": top}}
    try:
        config_schemas.check(schema)
    except ConfigSchemaInvalid:
        return
    assert all(error.message for error in Draft202012Validator(schema).iter_errors({"x": config, "a": config}))
