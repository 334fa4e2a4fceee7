"""Whatever may be said arrives as it was said: from the outbox over RabbitMQ and HTTP to the model, many at a time."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from events import wire
from events.catalog.agents import AgentCreated
from events.catalog.load import load
from events.event import Event
from events.outbox import emit
from functions.runtime.event_bodies import whole
from migrations.databases import connect
from tools.harness.path import DATABASE, RECEIVE_ALL, EventPath

Json = dict[str, Any]

EACH: Final = 30
"""Events of each kind, of which there are dozens: each field is any of its values often enough."""

LIMIT: Final = 65_536
"""Bytes of data, as Postgres writes it, that an event carries by itself."""

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
subjects = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'), min_size=1, max_size=99
)
moments = st.datetimes(timezones=st.just(UTC))
numbers = st.integers() | st.integers(10**300, 10**400) | st.floats(allow_nan=False, allow_infinity=False)


def of(annotation: Any) -> st.SearchStrategy[Any]:
    """Return what a field of this type may hold."""
    arguments = get_args(annotation)
    match get_origin(annotation) or annotation:
        case kind if kind is list:
            return st.lists(of(arguments[0]), max_size=5)
        case kind if kind is dict:
            return st.dictionaries(of(arguments[0]), of(arguments[1]), max_size=5)
        case kind if kind in (Union, UnionType):
            return st.one_of(*map(of, arguments))
        case kind if kind is str:
            return words
        case kind if kind is datetime:
            return moments
        case _:
            return st.from_type(annotation)


def of_type(model: type[Event]) -> st.SearchStrategy[Event]:
    """Return any valid event of a type."""
    fields = {name: of(field.annotation) for name, field in model.model_fields.items()}
    return st.builds(model, **(fields | {model.subject_field: subjects}))


def drawn(strategy: st.SearchStrategy[Any], count: int = EACH) -> list[Any]:
    """Return examples of a strategy, which then go the whole way together."""
    found: list[Any] = []

    @settings(max_examples=count, phases=[Phase.generate], database=None)
    @given(strategy)
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return found


def received(path: EventPath, eventually: Callable[..., Any], ids: list[str]) -> list[Json]:
    """Return the data of events as a subscriber has it, in the order of `ids`."""
    eventually(lambda: len(set(path.recorder.received(RECEIVE_ALL.function, ids))) == len(ids))
    by_id = {each["id"]: each for each in path.recorder.handled[RECEIVE_ALL.function]}
    return [whole(wire.from_attributes(by_id[each]), "subscribers").data for each in ids]


def test_any_event_of_every_type_arrives_at_its_model_unchanged(
    path: EventPath, eventually: Callable[..., Any]
) -> None:
    events: list[Event] = [event for model in load().values() for event in drawn(of_type(model))]
    with connect(DATABASE, "migrator").begin() as db:
        ids = [emit(db, event) for event in events]
    arrived = zip(events, received(path, eventually, ids), strict=True)
    assert [(event, data) for event, data in arrived if type(event).read(data) != event] == []


@pytest.mark.parametrize("letter", ["x", "ä", "\N{GRINNING FACE}", "\\"])
def test_bodies_around_the_limit_arrive_unchanged_be_they_with_the_event_or_apart(
    path: EventPath, eventually: Callable[..., Any], letter: str
) -> None:
    size = len(json.dumps(letter, ensure_ascii=False).encode()) - 2
    about = (LIMIT - len('{"slug": "", "agent_id": "agt_1"}')) // size
    events = [
        AgentCreated(agent_id="agt_1", slug=letter * length) for length in (about - 1, about, about + 1, 3 * about)
    ]
    with connect(DATABASE, "migrator").begin() as db:
        ids = [emit(db, event) for event in events]
    assert [AgentCreated.read(data) for data in received(path, eventually, ids)] == events
    apart = {
        each["id"] for each in path.recorder.handled[RECEIVE_ALL.function] if "dataref" in each and each["id"] in ids
    }
    assert apart == {*ids[2:]}


anything = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


def exact(value: Any) -> Any:
    """Return JSON with its numbers as they are written: Postgres keeps 1e400 and 1.0, of which Python makes others."""
    match value:
        case bool() | None | str():
            return value
        case dict():
            return {key: exact(each) for key, each in value.items()}
        case list():
            return [exact(each) for each in value]
        case _:
            return Decimal(repr(value))


def test_any_object_that_sql_says_arrives_unchanged(path: EventPath, eventually: Callable[..., Any]) -> None:
    said = drawn(st.dictionaries(words, anything, max_size=6), 10 * EACH)
    query = """select emit_event(:type, 'agt_' || mod(place, 20), each) from
               jsonb_array_elements(cast(:said as jsonb)) with ordinality as given (each, place) order by place"""
    with connect(DATABASE, "migrator").begin() as db:
        ids = list(db.scalars(text(query), {"type": AgentCreated.type, "said": json.dumps(said, ensure_ascii=False)}))
    arrived = zip(said, received(path, eventually, ids), strict=True)
    assert [(one, other) for one, other in arrived if exact(one) != exact(other)] == []
