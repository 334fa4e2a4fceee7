"""Masks: whatever a schema calls a secret, wherever it says so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.instances.masks import MASK, places_of_secrets
from functions.domain.instances.masks import masked as masked_at

SECRET = {"type": "string", "writeOnly": True}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "$defs": {"secret": SECRET}}


def masked(config: Any, schema: Any) -> Any:
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
    assert masked({"key": "hunter2", "name": "x"}, schema(key=place)) == {"key": MASK, "name": "x"}


def test_secrets_inside_lists_and_objects_are_masked() -> None:
    entries = {"type": "array", "items": schema(key=SECRET), "prefixItems": [{"properties": {"first": SECRET}}]}
    config = {"entries": [{"first": "a", "key": "b"}, {"first": "c", "key": "d"}]}
    assert masked(config, schema(entries=entries)) == {
        "entries": [{"first": MASK, "key": "b"}, {"first": "c", "key": MASK}]
    }


def test_each_item_is_masked_by_the_schema_of_its_place() -> None:
    places = {"prefixItems": [SECRET, {"type": "string"}, SECRET], "items": {"properties": {"key": SECRET}}}
    config = {"l": ["a", "b", "c", {"key": "d", "x": "e"}, {"key": "f"}], "m": {"0": "a"}}
    assert masked(config, schema(l=places, m=places)) == {
        "l": [MASK, "b", MASK, {"key": MASK, "x": "e"}, {"key": MASK}],
        "m": {"0": "a"},
    }


def test_secrets_named_by_pattern_or_by_nothing_are_masked() -> None:
    by_pattern = {"patternProperties": {"_key$": SECRET}, "additionalProperties": {"type": "string"}}
    assert masked({"a_key": "b", "c": "d"}, by_pattern) == {"a_key": MASK, "c": "d"}
    assert masked({"a": "b"}, {"additionalProperties": SECRET}) == {"a": MASK}
    # As the config is checked: a line break ends nothing, and a digit is one of ten.
    ascii_only = {"patternProperties": {"^\\d$": SECRET}, "additionalProperties": {"type": "string"}}
    assert masked({"1": "b", "1\n": "c", "\u0661": "d"}, ascii_only) == {"1": MASK, "1\n": "c", "\u0661": "d"}


def test_an_object_that_is_secret_is_masked_whole() -> None:
    assert masked({"login": {"user": "a"}}, schema(login={"type": "object", "writeOnly": True})) == {"login": MASK}


def test_a_schema_that_refers_to_itself_ends() -> None:
    tree = {"properties": {"left": {"$ref": "#"}, "key": SECRET}}
    assert masked({"left": {"left": {"key": "a"}}}, tree) == {"left": {"left": {"key": MASK}}}


def test_of_a_config_whose_secrets_nobody_knows_nothing_is_shown() -> None:
    assert masked_at({"a": 1, "b": {"c": 2}}, [""]) == {"a": MASK, "b": MASK}


@given(value=st.text(min_size=1).filter(lambda text: text not in MASK))
def test_no_secret_survives(value: str) -> None:
    assert value not in masked({"key": value}, schema(key=SECRET))["key"]
