"""Configs against schemas: every error at its field, and no value in a message."""

import contextlib
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.catalog import config_schemas
from functions.domain.instances import configs
from functions.domain.instances.configs import ConfigInvalid

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
        configs.check(config, schema)
    return {error.pointer: error.code for error in refused.value.errors}


def test_a_config_that_fits_is_taken() -> None:
    configs.check(GOOD | {"list": [{"q": "x"}], "token": "12345678"}, SCHEMA)


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


def test_no_message_repeats_a_value() -> None:
    with pytest.raises(ConfigInvalid) as refused:
        configs.check(GOOD | {"token": "s3cret!"}, SCHEMA)
    assert "s3cret!" not in repr(refused.value.errors)
    assert refused.value.errors[0].message == "Must have at least 8 characters."


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("a\x00b", "not_text"),
        ("\ud800", "not_text"),
        (float("inf"), "not_finite"),
        (10**400, "too_large"),
        ({"a\x00": 1}, "not_text"),
    ],
)
def test_what_postgres_or_an_agent_cannot_read_is_refused(value: Any, code: str) -> None:  # noqa: ANN401 - any JSON
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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(config=st.dictionaries(st.sampled_from([*SCHEMA["properties"], "x"]), JSON))
def test_any_config_is_taken_or_refused_at_its_fields(config: dict[str, Any]) -> None:
    config_schemas.check(SCHEMA)
    with contextlib.suppress(ConfigInvalid):
        configs.check(config, SCHEMA)
        assert config["size"] >= 1
        return
    assert all(pointer.startswith("/config/") for pointer in errors(config))
