"""Poison, in both directions: only that event stops, and whatever only looks like it goes through."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from core.postgres.errors import DatabaseError
from events.catalog.agents import AgentCreated
from events.tests.orders import Listener, order, send
from tools.harness.path import RECEIVE_SOME, EventPath
from tools.harness.recorder import Event

Eventually = Callable[..., Any]

RECEIVED = RECEIVE_SOME.function

EMIT = f"select emit_event('{AgentCreated.type}', 'agt_1', cast(cast(:data as text) as jsonb))"


@pytest.mark.parametrize(
    ("sql", "data"),
    [
        (EMIT, '{"agent_id": "agt_1", "slug": "\\u0000"}'),
        (EMIT, '{"agent_id": "agt_1", "slug": NaN}'),
        (EMIT, '["agt_1"]'),
        (EMIT, '{"slug": "' + "x" * 17_000_000 + '"}'),
        (EMIT.replace("cast(:data as text)", "convert_from(decode(:data, 'hex'), 'utf8')"), "22ff22"),
    ],
    ids=["zero", "nan", "no-object", "17-mb", "utf8"],
)
def test_what_is_no_event_does_not_get_into_the_outbox(
    path: EventPath, eventually: Eventually, sql: str, data: str
) -> None:
    with pytest.raises((DBAPIError, DatabaseError)):
        path.query(sql, data=data)
    ids = path.emit("agt_after")
    eventually(lambda: path.recorder.handled[RECEIVED])
    assert [event["id"] for event in path.recorder.handled[RECEIVED]] == ids


@pytest.mark.parametrize("size", [8_001, 65_536, 10_000_000])
def test_an_event_of_any_size_goes_through_whole(path: EventPath, eventually: Eventually, size: int) -> None:
    data = {"agent_id": "agt_1", "slug": "x" * size}
    [[event_id]] = path.query(EMIT, data=json.dumps(data))
    after = path.emit("agt_after")
    eventually(lambda: len(path.recorder.received(RECEIVED, [event_id, *after])) == 2)
    event = next(each for each in path.recorder.handled[RECEIVED] if each["id"] == event_id)
    [[body]] = path.query("select event_body('/botberi/shared_psql', :id)", role="subscribers", id=event_id)
    assert (event["data"] if body is None else json.loads(body)) == data
    assert ("dataref" in event) == (size > 65_000)


def test_data_that_does_not_fit_its_type_is_a_dead_letter_alone(path: EventPath, eventually: Eventually) -> None:
    path.recorder.answers[RECEIVED] = as_a_function_does
    [[poison]] = path.query(EMIT, data='{"agent_id": 7}')
    after = path.emit("agt_1", "agt_2")
    eventually(lambda: sorted(path.recorder.received(RECEIVED, after)) == sorted(after))
    rows = eventually(
        lambda: path.query(
            "select event_id, reason from dead_letters where queue = :queue and resolution is null",
            queue=RECEIVE_SOME.queue,
        )
    )
    assert rows == [(poison, "refused")]


def as_a_function_does(event: Event) -> int:
    try:
        AgentCreated.model_validate(event["data"])
    except ValidationError:
        return 422
    return 200


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff\xfe", "not JSON"),
        (json.dumps(order("nan")).replace('"data": {', '"data": {"much": NaN, ').encode(), "NaN is not JSON"),
        (json.dumps(order("zero", subject="agt\x00")).encode(), "the attribute 'subject'"),
        (b'{"id": ' * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"", "not JSON"),
    ],
    ids=["utf8", "nan", "zero", "deep", "no-object", "empty"],
)
def test_what_is_no_event_does_not_get_into_postgres(
    path: EventPath, listener: Listener, eventually: Eventually, body: bytes, why: str
) -> None:
    path.query("delete from inbox; delete from dead_letters")
    send(path, order("before"), body, order("after"))
    eventually(lambda: [event["id"] for event in listener.listen()] == ["order-before", "order-after"])
    [[detail]] = eventually(lambda: path.query("select detail from dead_letters"))
    assert why in detail


@pytest.mark.parametrize("size", [8_001, 65_536, 10_000_000])
def test_a_large_event_is_a_notify_that_refers_to_it(
    path: EventPath, listener: Listener, eventually: Eventually, size: int
) -> None:
    path.query("delete from inbox")
    data = {"agent_id": "agt_1", "slug": "x" * size}
    send(path, order(size, data=data), order("after"))
    eventually(lambda: [event["id"] for event in listener.listen()] == [f"order-{size}", "order-after"])
    assert listener.received[0]["dataref"] == f"inbox:order-{size}"
    assert path.query("select body->'data' from inbox where id = :id", id=f"order-{size}") == [(data,)]
