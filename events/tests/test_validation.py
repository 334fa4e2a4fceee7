"""Who is let through to become a NOTIFY: the quick look may only pass what the thorough one would."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.catalog.agents import AgentCreated
from events.catalog.load import load
from events.contracts import contracts
from events.dispatcher.notifier import joined
from events.dispatcher.validation import Validator

GATEKEEPER = Validator(load())

ODD = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=6),
    st.sampled_from(
        ["", "a b", " a", 'a"b', "a%b", "é", "events", "Big", "1700000000", "2026-01-02T03:04:05", "\x00", "x\n"]
    ),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
NAMES = st.one_of(
    st.sampled_from(["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"]),
    st.sampled_from(["channel", "data", "dataref", "actor", "new", "Extension", "with-dash", "é"]),
)


def order(**changes: Any) -> bytes:
    return json.dumps(contracts.example(AgentCreated) | {"channel": "orders"} | changes).encode()


@given(st.dictionaries(NAMES, ODD, max_size=3))
def test_what_passes_at_a_glance_also_passes_a_thorough_look(changes: dict[str, Any]) -> None:
    body = order(**changes)
    if plain := GATEKEEPER.validate_plain(body):
        thorough = GATEKEEPER.validate_fully(body)
        assert thorough[:3] == plain[:3]
        assert json.loads(thorough.event) == json.loads(plain.event) == json.loads(body)


def test_an_event_of_ours_is_plain() -> None:
    assert GATEKEEPER.validate_plain(order())


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"agent_id": "agt_1", "slug": "s", "since_version_two": True}},
        {"actor": None},
        {"time": "2026-01-02t03:04:05+01:00"},
        {"datacontenttype": "application/json; charset=utf-8"},
        {"data": {}, "dataref": "/shop/bodies/1"},
    ],
)
def test_what_is_allowed_and_seldom_is_let_through_after_a_thorough_look(changes: dict[str, Any]) -> None:
    assert json.loads(GATEKEEPER.validate(order(**changes)).event) == json.loads(order(**changes))


@pytest.mark.parametrize("body", [order() + b", {}", order() * 2, order()[:-1], b"[]", b'{"id": "x"', b"\xff", b""])
def test_a_body_that_would_change_what_stands_beside_it_does_not_pass(body: bytes) -> None:
    with pytest.raises(ValueError, match="the body is not"):
        GATEKEEPER.validate(body)


@pytest.mark.parametrize("character", ["\x00", "\ud800"])
def test_text_that_postgres_can_not_keep_does_not_pass(character: str) -> None:
    with pytest.raises(ValueError, match="Postgres can't keep"):
        GATEKEEPER.validate(order(data={"agent_id": "agt_1", "slug": character}))


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999"])
def test_a_number_that_is_none_does_not_pass(number: bytes) -> None:
    with pytest.raises(ValueError, match=r"not JSON|can't keep"):
        GATEKEEPER.validate(order(data={"agent_id": "agt_1", "slug": "s", "more": "-"}).replace(b'"-"', number))


def test_of_events_with_the_same_source_and_id_the_first_is_taken() -> None:
    events = [
        GATEKEEPER.validate(order(id=name, channel=channel)) for name, channel in [("1", "a"), ("2", "b"), ("1", "c")]
    ]
    assert joined(events)["channels"] == "a\x1eb"
