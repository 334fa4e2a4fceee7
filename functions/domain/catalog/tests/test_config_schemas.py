"""Config schemas: what passes can be validated against later without surprises."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from functions.domain.catalog import config_schemas
from functions.domain.catalog.config_schemas import ConfigSchemaInvalid
from functions.domain.json_schemas import validator

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
    ({"type": "object", "properties": {"a": {"pattern": "("}}}, "/properties/a/pattern"),
    ({"type": "object", "patternProperties": {"(": {}}}, "/patternProperties/("),
    ({"type": "object", "properties": {"a": {"default": 1, "type": "string"}}}, "/properties/a/default"),
    ({"type": "object", "properties": {"a": {"maximum": 2**53 + 1}}}, "/properties/a/maximum"),
    ({"type": "object", "description": "x" * config_schemas.MAX_BYTES}, ""),
]


def where(schema: dict[str, Any]) -> str:
    with pytest.raises(ConfigSchemaInvalid) as refused:
        config_schemas.check(schema)
    return refused.value.errors[0].pointer.removeprefix("/config_schema")


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize("schema", ALLOWED)
def test_a_schema_that_passes_can_be_used(schema: dict[str, Any]) -> None:
    config_schemas.check(schema)
    assert not validator(schema).is_valid("no object")


@pytest.mark.parametrize(("schema", "pointer"), REFUSED)
def test_what_would_surprise_later_is_refused_at_its_place(schema: dict[str, Any], pointer: str) -> None:
    assert where(schema).startswith(pointer)


def test_depth_is_bounded_with_and_without_references() -> None:
    config_schemas.check(nested(5))
    with pytest.raises(ConfigSchemaInvalid):
        config_schemas.check(nested(500))
    chain = {f"d{i}": {"properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}}} for i in range(40)} | {"d40": {}}
    with pytest.raises(ConfigSchemaInvalid, match="errors"):
        config_schemas.check({"type": "object", "$defs": chain})


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"^\d+$", r"^[\w.+-]+@[\w-]+\.[a-z]{2,}$", r"^\p{L}+$", r"^(?:a|b)?c*?$", r"^(?<year>\d{4})", r"^[+*?]*$"),
        *(r"^[a-z][a-z0-9-]{0,62}$", r"^https://[^\s/]+(/.*)?$", "^(a+)+$", r"^.{1,100}$", r"^\u00e9\cA\/$"),
    ],
)
def test_patterns_that_take_linear_time_are_allowed(pattern: str) -> None:
    config_schemas.check({"type": "object", "properties": {"a": {"pattern": pattern}}})


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?=a)b", "(?!a)b", "(?<=a)b", r"(a)\1", r"(?<a>b)\k<a>"),  # not linear
        *("(?i)a", "(?P<a>b)", r"a\Z", r"\Aa", "a++", "a**", r"\x{41}", r"\<a"),  # not ECMA-262
        *("((a{50}){50}){50}", r"(\p{L}{50}){50}", "a{"),  # too large, and broken
    ],
)
def test_other_patterns_are_refused_at_their_keyword(pattern: str) -> None:
    place = {"items": {"pattern": pattern}}
    assert where({"type": "object", "properties": {"a": place}}) == "/properties/a/items/pattern"
    assert where({"type": "object", "patternProperties": {pattern: {}}}).startswith("/patternProperties/")


def doubled(levels: int, member: str = "") -> dict[str, Any]:
    """Return a schema that a value of it is checked against 2^levels times."""
    definitions: dict[str, Any] = {f"d{levels}": {"type": "object"}}
    for level in range(levels):
        below = {"$ref": f"#/$defs/d{level + 1}"}
        twice = [{"properties": {member: below}}, {"properties": {member: below}}] if member else [below, below]
        definitions[f"d{level}"] = {"allOf": twice}
    return {"type": "object", "$ref": "#/$defs/d0", "$defs": definitions}


@pytest.mark.parametrize(
    "schema",
    [
        doubled(9),
        doubled(6, "a") | {"allOf": [doubled(6, "a")["$defs"]["d0"]] * 30},
        {"type": "object", "properties": {"a": {"items": {"enum": [number / 8 for number in range(100)]}}}},
        {"type": "object", "properties": {"a": {"items": {"allOf": [{"multipleOf": 0.1}] * 3}}}},
        {"type": "object", "additionalProperties": {"anyOf": [{"const": number} for number in range(1500)]}},
        {"type": "object", "propertyNames": {"anyOf": [{"const": str(number)} for number in range(1500)]}},
        {"type": "object", "unevaluatedProperties": {"required": [str(number) for number in range(2500)]}},
        {"type": "object", "patternProperties": {f"x{number}": {"enum": [*range(30)]} for number in range(90)}},
        {"type": "object", "properties": {"a": {"allOf": [{"pattern": rf"\p{{L}}{n}"} for n in range(5)]}}},
        {"type": "object", "properties": {f"p{n}": {"pattern": f"^{n}"} for n in range(101)}},
    ],
)
def test_what_costs_too_much_is_refused(schema: dict[str, Any]) -> None:
    assert where(schema) is not None


@pytest.mark.parametrize(
    "schema",
    [
        doubled(5),
        doubled(5, "a"),
        {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(1500)}},
        {"type": "object", "properties": {"zone": {"enum": [f"Zone/{number}" for number in range(1500)]}}},
        {"type": "object", "properties": {f"p{n}": {"minimum": 0.5, "multipleOf": 0.5} for n in range(100)}},
        {"type": "object", "properties": {f"p{n}": {"pattern": rf"^\p{{L}}{n}$"} for n in range(20)}},
    ],
)
def test_what_is_large_and_cheap_is_allowed(schema: dict[str, Any]) -> None:
    config_schemas.check(schema)


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
    # Another engine says the same of it.
    document = {"x": config, "a": config}
    assert validator(schema).is_valid(document) == Draft202012Validator(schema).is_valid(document)
