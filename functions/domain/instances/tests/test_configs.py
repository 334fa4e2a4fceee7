"""Configs against schemas: every error at its field, and no value in a message."""

import contextlib
import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.catalog import config_schemas
from functions.domain.instances import configs
from functions.domain.instances.configs import ConfigInvalid
from functions.domain.instances.redaction import REDACTED

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "email": {"type": "string", "format": "email"},
        "token": {"type": "string", "minLength": 8, "writeOnly": True},
        "size": {"type": "integer", "minimum": 1},
        "list": {"type": "array", "items": {"$ref": "#/$defs/entry"}, "maxItems": 2},
        "a/b~c": {"type": "boolean"},
    },
    "required": ["email", "size"],
    "additionalProperties": False,
    "$defs": {"entry": {"type": "object", "required": ["q"], "properties": {"q": {"enum": ["x", "y"]}}}},
}
GOOD: Final = {"email": "a@b.example", "size": 1}


def errors(config: dict[str, Any], schema: dict[str, Any] = SCHEMA) -> dict[str, str]:
    with pytest.raises(ConfigInvalid) as refused:
        configs.completed(config, schema)
    return {error.pointer: error.code for error in refused.value.errors}


def test_a_config_that_fits_is_taken_as_it_is() -> None:
    config = {"token": "12345678"} | GOOD | {"list": [{"q": "x"}]}
    assert json.dumps(configs.completed(config, SCHEMA)) == json.dumps(config)


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({}, {"/config/email": "required", "/config/size": "required"}),
        (GOOD | {"email": "nobody"}, {"/config/email": "format"}),
        (GOOD | {"size": "1"}, {"/config/size": "type"}),
        (GOOD | {"size": True}, {"/config/size": "type"}),
        (GOOD | {"size": 0, "token": "short"}, {"/config/size": "minimum", "/config/token": "min_length"}),
        (GOOD | {"more": 1, "most": 2}, {"/config/more": "unknown", "/config/most": "unknown"}),
        (GOOD | {"list": [{"q": "x"}, {}]}, {"/config/list/1/q": "required"}),
        (GOOD | {"list": [{"q": "z"}]}, {"/config/list/0/q": "enum"}),
        (GOOD | {"a/b~c": 1}, {"/config/a~1b~0c": "type"}),
    ],
)
def test_every_error_is_at_its_field(config: dict[str, Any], found: dict[str, str]) -> None:
    assert errors(config) == found


@pytest.mark.parametrize(
    ("schema", "config", "places"),
    [
        ({"additionalProperties": False}, {"a": 1, "b": {"a": 1}}, {"/config/a", "/config/b"}),
        ({"properties": {"o": {"additionalProperties": False}}}, {"o": {"a": 1}}, {"/config/o/a"}),
        (
            {"properties": {"additionalProperties": False}},
            {"additionalProperties": {"a": 1}},
            {"/config/additionalProperties"},
        ),
        ({"patternProperties": {"^a": False}}, {"a": {}, "b": 1}, {"/config/a"}),
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"b": True}}]}, {"a": 1, "b": 1}, {"/config/a"}),
        ({"properties": {"l": {"items": False}}}, {"l": [1, 2]}, {"/config/l/0", "/config/l/1"}),
    ],
)
def test_what_a_schema_has_no_place_for_is_named(
    schema: dict[str, Any], config: dict[str, Any], places: set[str]
) -> None:
    found = errors(config, {"type": "object"} | schema)
    assert found.keys() == places
    assert set(found.values()) == {"unknown"}


def test_no_message_repeats_a_value() -> None:
    with pytest.raises(ConfigInvalid) as refused:
        configs.completed(GOOD | {"token": "s3cret!"}, SCHEMA)
    assert "s3cret!" not in repr(refused.value.errors)
    assert refused.value.errors[0].message == "Must have at least 8 characters."


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("a\x00b", "not_text"),
        ("\ud800", "not_text"),
        (float("inf"), "not_finite"),
        (10**400, "too_large"),
        (2**53 + 1, "too_large"),
        (-(2**53) - 1, "too_large"),
        ([0] * configs.MAX_VALUES, "too_large"),
        ({"a\x00": 1}, "not_text"),
    ],
)
def test_what_postgres_or_an_agent_cannot_read_is_refused(value: Any, code: str) -> None:
    assert set(errors({"any": [value]}, {"type": "object"}).values()) == {code}


def test_what_is_nested_without_end_is_refused() -> None:
    config: dict[str, Any] = {}
    for _ in range(200):
        config = {"a": config}
    assert list(errors(config, {"type": "object"}).values()) == ["too_deep"]


def test_nothing_is_fetched_for_a_schema_that_refers_elsewhere() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:1/schema"}}}
    assert errors({"a": 1}, schema) == {"/config": "config_schema_broken"}


def test_a_flood_of_errors_is_cut() -> None:
    assert len(errors({f"more{number}": 1 for number in range(1000)})) <= 50


def typed(**place: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"v": place}}


@pytest.mark.parametrize(
    ("place", "good", "bad"),
    [
        ({"format": "date-time"}, "2026-02-28T23:59:60Z", "2026-02-30T25:99:00Z"),
        ({"format": "time"}, "10:00:00+01:00", "10:00"),
        ({"format": "duration"}, "P1DT2H", "1d"),
        ({"format": "uri"}, "https://example.com/a?b#c", "http://[x"),
        ({"format": "uri-reference"}, "../a", "\\a"),
        ({"format": "hostname"}, "a-b.example", "-a"),
        ({"format": "json-pointer"}, "/a~1b", "a"),
        ({"format": "email"}, "ann@example.com", "Ann <ann@example.com>"),
        ({"format": "ipv4"}, "127.0.0.1", "127.0.0.01"),
        ({"format": "uuid"}, "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08"),
        ({"format": "regex"}, "^a+$", "("),
        ({"pattern": "^[a-z]+$"}, "abc", "abc\n"),
        ({"pattern": "^\\d+$"}, "123", "١٢٣"),
        ({"type": "integer"}, 1.0, 1.5),
        ({"type": "integer", "maximum": 2**53 - 1}, 2**53 - 1, 2**53),
        ({"multipleOf": 0.01}, 19.99, 19.995),
        ({"uniqueItems": True}, [1, True, "1"], [1, 1.0]),
        ({"enum": [1, None]}, None, False),
    ],
)
def test_what_a_schema_promises_is_checked(place: dict[str, Any], good: object, bad: object) -> None:
    config_schemas.check(typed(**place))
    assert configs.completed({"v": good}, typed(**place)) == {"v": good}
    assert errors({"v": bad}, typed(**place)).keys() == {"/config/v"}


@pytest.mark.parametrize(
    ("schema", "given", "completed"),
    [
        ({"properties": {"b": {"default": 1}, "a": {"default": [2]}}}, {"c": 3}, {"c": 3, "b": 1, "a": [2]}),
        ({"properties": {"a": {"default": 1}}, "required": ["a"]}, {}, {"a": 1}),
        ({"properties": {"a": {"default": 1}}}, {"a": None}, {"a": None}),
        ({"properties": {"a": {"default": {}, "properties": {"b": {"default": 2}}}}}, {}, {"a": {"b": 2}}),
        ({"properties": {"a": {"items": {"properties": {"b": {"default": 2}}}}}}, {"a": [{}]}, {"a": [{"b": 2}]}),
        ({"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"default": 3}}}, {}, {"a": 3}),
        ({"allOf": [{"properties": {"a": {"default": 4}}}]}, {}, {"a": 4}),
        ({"anyOf": [{"properties": {"a": {"default": 4}}}]}, {}, {}),
        (
            {
                "properties": {
                    "a": {"prefixItems": [{}, {"properties": {"b": {"default": 1}}}], "items": {"$ref": "#/$defs/i"}}
                }
            }
            | {"$defs": {"i": {"properties": {"c": {"default": 2}}}}},
            {"a": [{}, {}, {}, {"c": 3}]},
            {"a": [{}, {"b": 1}, {"c": 2}, {"c": 3}]},
        ),
    ],
)
def test_defaults_fill_what_is_left_out(schema: dict[str, Any], given: dict[str, Any], completed: object) -> None:
    schema = {"type": "object"} | schema
    config_schemas.check(schema)
    assert json.dumps(configs.completed(given, schema)) == json.dumps(completed)


def test_defaults_fill_no_more_than_there_is_room_for() -> None:
    schema = typed(items={"properties": {"a": {"default": "x" * 1000}}})
    config_schemas.check(schema)
    assert len(configs.completed({"v": [{}] * 10}, schema)["v"]) == 10
    assert errors({"v": [{}] * 1000}, schema) == {"/config": "too_large"}


def test_the_mask_of_a_secret_is_no_secret() -> None:
    schema = typed(items=SCHEMA["properties"]["token"])
    assert errors({"v": ["12345678", REDACTED]}, schema) == {"/config/v/1": "masked"}
    assert configs.completed({"plain": REDACTED}, schema) == {"plain": REDACTED}


def test_of_more_errors_than_can_be_collected_the_first_is_told() -> None:
    demanding = {"required": [f"r{number}" for number in range(1000)]}
    schema = typed(items=demanding)
    config_schemas.check(schema)
    assert len(errors({"v": [{}] * 2}, schema)) == configs.MAX_ERRORS
    assert errors({"v": [{}] * 4000}, schema) == {"/config/v/0/r0": "required"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(config=st.dictionaries(st.sampled_from([*SCHEMA["properties"], "x"]), JSON))
def test_any_config_is_taken_or_refused_at_its_fields(config: dict[str, Any]) -> None:
    config_schemas.check(SCHEMA)
    with contextlib.suppress(ConfigInvalid):
        assert configs.completed(config, SCHEMA)["size"] >= 1
        return
    assert all(pointer.startswith("/config/") for pointer in errors(config))
