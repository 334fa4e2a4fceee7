"""Masks: whatever a schema calls a secret, wherever it says so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.instances.redaction import REDACTED, places_of_secrets
from functions.domain.instances.redaction import redacted as masked_at

SECRET = {"type": "string", "writeOnly": True}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "$defs": {"secret": SECRET}}


def redacted(config: Any, schema: Any) -> Any:
    return masked_at(config, places_of_secrets(config, schema))


@pytest.mark.parametrize(
    "place",
    [
        SECRET,
        {"$ref": "#/$defs/secret"},
        {"allOf": [{"type": "string"}, SECRET]},
        {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/secret"}]},
        {"if": {"type": "string"}, "then": SECRET},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/%24defs/secret"},
    ],
)
def test_a_secret_is_masked_wherever_the_schema_says_so(place: dict[str, Any]) -> None:
    assert redacted({"key": "hunter2", "name": "x"}, schema(key=place)) == {"key": REDACTED, "name": "x"}


def test_secrets_inside_lists_and_objects_are_masked() -> None:
    entries = {"type": "array", "items": schema(key=SECRET), "prefixItems": [{"properties": {"first": SECRET}}]}
    config = {"entries": [{"first": "a", "key": "b"}, {"first": "c", "key": "d"}]}
    assert redacted(config, schema(entries=entries)) == {
        "entries": [{"first": REDACTED, "key": "b"}, {"first": "c", "key": REDACTED}]
    }


def test_each_item_is_masked_by_the_schema_of_its_place() -> None:
    places = {"prefixItems": [SECRET, {"type": "string"}, SECRET], "items": {"properties": {"key": SECRET}}}
    config = {"l": ["a", "b", "c", {"key": "d", "x": "e"}, {"key": "f"}], "m": {"0": "a"}}
    assert redacted(config, schema(l=places, m=places)) == {
        "l": [REDACTED, "b", REDACTED, {"key": REDACTED, "x": "e"}, {"key": REDACTED}],
        "m": {"0": "a"},
    }


def test_secrets_named_by_pattern_or_by_nothing_are_masked() -> None:
    by_pattern = {"patternProperties": {"_key$": SECRET}, "additionalProperties": {"type": "string"}}
    assert redacted({"a_key": "b", "c": "d"}, by_pattern) == {"a_key": REDACTED, "c": "d"}
    assert redacted({"a": "b"}, {"additionalProperties": SECRET}) == {"a": REDACTED}
    # As the config is checked: a line break ends nothing, and a digit is one of ten.
    ascii_only = {"patternProperties": {"^\\d$": SECRET}, "additionalProperties": {"type": "string"}}
    assert redacted({"1": "b", "1\n": "c", "\u0661": "d"}, ascii_only) == {"1": REDACTED, "1\n": "c", "\u0661": "d"}


def test_an_object_that_is_secret_is_masked_whole() -> None:
    assert redacted({"login": {"user": "a"}}, schema(login={"type": "object", "writeOnly": True})) == {
        "login": REDACTED
    }


def test_a_schema_that_refers_to_itself_ends() -> None:
    tree = {"properties": {"left": {"$ref": "#"}, "key": SECRET}}
    assert redacted({"left": {"left": {"key": "a"}}}, tree) == {"left": {"left": {"key": REDACTED}}}


def test_of_a_config_whose_secrets_nobody_knows_nothing_is_shown() -> None:
    assert masked_at({"a": 1, "b": {"c": 2}}, [""]) == {"a": REDACTED, "b": REDACTED}


@given(value=st.text(min_size=1).filter(lambda text: text not in REDACTED))
def test_no_secret_survives(value: str) -> None:
    assert value not in redacted({"key": value}, schema(key=SECRET))["key"]
