"""What an agent may say, and what is said of all else."""

import json
from decimal import Decimal
from typing import Any

import pytest

from functions.domain.runs import agent_events
from functions.domain.runs.agent_events import EventInvalid, Input, Text, Usage, check_schema, decoded, encoded, event


def an_input(schema: dict[str, Any]) -> Input:
    asked = event({"type": "input", "text": "Which?", "schema": schema})
    assert isinstance(asked, Input)
    return asked


@pytest.mark.parametrize(
    "said",
    [
        {"type": "text", "text": "hé 🎉"},
        {"type": "tool_call", "id": "1", "name": "search", "arguments": {"q": [1, {"deep": None}]}},
        {"type": "tool_result", "id": "1", "content": None},
        {"type": "status", "text": "thinking"},
        {"type": "data", "data": [1, 2.5, 10**30], "name": "chart"},
        {"type": "usage", "input_tokens": 3, "output_tokens": 0, "cost": "0.25", "searches": 2},
        {"type": "input", "text": "Which?", "schema": {"enum": ["a", "b"]}},
        {
            "type": "input",
            "text": "",
            "schema": {},
            "seconds": 60,
            "tool": {"id": "1", "name": "where", "arguments": {}},
        },
    ],
)
def test_what_is_said_is_passed_on_as_it_is(said: dict[str, Any]) -> None:
    assert json.loads(encoded(event(decoded(json.dumps(said))))) == said


def test_a_text_alone_is_a_piece_of_the_reply() -> None:
    assert event(decoded('"hello"')) == Text(type="text", text="hello")


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "levels deep"),
        ("[" * 65 + "]" * 65, "levels deep"),
        ('{"type": "data", "data": NaN}', "NaN is no number"),
        ('{"type": "data", "data": 1e999}', "1e999 is no number"),
        ("5", "neither a text nor an object"),
        ("{}", "no type that is known"),
        ('{"type": "dance"}', "no type that is known"),
        ('{"type": "text", "text": 5}', "'text' is wrong at text"),
        ('{"type": "text", "text": "a", "colour": "red"}', "'text' is wrong at colour"),
        ('{"type": "tool_call", "id": "1", "name": "x", "arguments": []}', "'tool_call' is wrong at arguments"),
        ('{"type": "tool_result", "id": "", "content": 1}', "'tool_result' is wrong at id"),
        ('{"type": "usage", "input_tokens": -1}', "'usage' is wrong at input_tokens"),
        ('{"type": "usage", "cost": "NaN"}', "'usage' is wrong at cost"),
        ('{"type": "usage", "cost": true}', "'usage' is wrong at cost"),
        ('{"type": "usage", "model": "best"}', "'usage' is wrong at model"),
        ('{"type": "input", "text": "?"}', "'input' is wrong at schema"),
        ('{"type": "input", "text": "?", "schema": {}, "seconds": 0}', "'input' is wrong at seconds"),
        (json.dumps({"type": "usage", **{f"n{each}": 1 for each in range(40)}}), "more than 32 numbers"),
    ],
)
def test_what_is_no_event_is_said_with_what_is_wrong(said: str, wrong: str) -> None:
    with pytest.raises(EventInvalid, match=wrong):
        event(decoded(said))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (r'"a\ud800b"', "a\ufffdb"),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\udc00\ud800"', "\ufffd\ufffd"),
        (r'"\u0000"', "\ufffd"),
    ],
)
def test_what_cannot_be_kept_of_a_text_is_replaced(said: str, kept: str) -> None:
    assert decoded(said) == kept
    assert decoded(f"[{{{said}: {said}}}]") == [{kept: kept}]


def test_halves_that_json_has_apart_are_joined_and_others_replaced() -> None:
    assert agent_events.fit("\ud83d\ude00\ud83d") == "😀\ufffd"


@pytest.mark.parametrize(("said", "cost"), [(0.1 + 0.2, "0.3"), ("0.000001", "0.000001"), (5, "5"), (1e-20, "0")])
def test_a_cost_is_a_decimal_of_twelve_places(said: object, cost: str) -> None:
    found = event(decoded(json.dumps({"type": "usage", "cost": said})))
    assert isinstance(found, Usage)
    assert found.cost == Decimal(cost)


def test_an_event_may_be_only_so_long() -> None:
    said = {"type": "data", "data": "x" * agent_events.EVENT_BYTES}
    with pytest.raises(EventInvalid, match="longer than"):
        encoded(event(decoded(json.dumps(said))))


@pytest.mark.parametrize(
    "schema", [{"type": "nothing"}, {"$ref": "#"}, {"pattern": "(a)\\1"}, {"$ref": "https://example.com"}]
)
def test_a_schema_that_nothing_can_be_checked_by_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(EventInvalid, match="wrong schema"):
        check_schema(an_input(schema))


def test_a_schema_of_anything_else_is_taken() -> None:
    for schema in ({}, {"type": "string", "enum": ["a"]}, {"type": "object", "properties": {"a": {"type": "number"}}}):
        check_schema(an_input(schema))
