from collections.abc import Callable
from typing import Any

import pytest

from functions.local.testing.clients import Api
from functions.local.testing.people import Person
from functions.local.testing.world import World
from migrations.databases import connect

EVENT = {
    "type": "com.botberi.agent.created.v1",
    "data": {"agent_id": "agt_published", "slug": "published"},
    "source": "/example/crm",
}


@pytest.fixture
def publisher(person: Callable[..., Person]) -> Person:
    return person(scopes=("user", "broker"))


def outbox(world: World, event_id: str) -> list[Any]:
    with world.transaction("shared_psql", "relay") as db:
        rows = db.exec_driver_sql("select source, type, subject, data, actor from outbox where id = %s", (event_id,))
        return [tuple(row) for row in rows]


def test_an_event_is_written_as_it_was_given(api: Api, world: World, publisher: Person) -> None:
    answer = api.broker.post("/v1/events", json=EVENT | {"id": "crm-1"}, token=publisher.token)
    assert answer.status_code == 202
    assert answer.json == {
        "id": "crm-1",
        "source": "/example/crm",
        "type": "com.botberi.agent.created.v1",
        "subject": "agt_published",
        "known": False,
        "queues": ["botberi.record-audit", "botberi.refresh-catalog"],
        "database": None,
        "channel": None,
        "exchange": "botberi.events",
        "routing_key": "com.botberi.agent.created.v1",
    }
    expected = ("/example/crm", EVENT["type"], "agt_published", EVENT["data"], publisher.id)
    assert outbox(world, "crm-1") == [expected]


def test_the_same_event_twice_is_one_event(api: Api, world: World, publisher: Person) -> None:
    for known in (False, True):
        answer = api.broker.post("/v1/events", json=EVENT | {"id": "crm-2"}, token=publisher.token)
        assert answer.json["known"] is known
    assert len(outbox(world, "crm-2")) == 1


def test_another_event_under_a_taken_id_is_refused(api: Api, world: World, publisher: Person) -> None:
    api.broker.post("/v1/events", json=EVENT | {"id": "crm-3"}, token=publisher.token)
    other = EVENT | {"id": "crm-3", "data": {"agent_id": "agt_other", "slug": "other"}}
    answer = api.broker.post("/v1/events", json=other, token=publisher.token)
    assert (answer.status_code, answer.code) == (409, "event_id_taken")
    assert len(outbox(world, "crm-3")) == 1


def test_another_system_may_use_the_same_id(api: Api, world: World, publisher: Person) -> None:
    for source in ("/example/crm", "/example/shop"):
        event = EVENT | {"id": "crm-4", "source": source}
        assert api.broker.post("/v1/events", json=event, token=publisher.token).json["known"] is False
    assert len(outbox(world, "crm-4")) == 2


def test_without_id_and_source_both_are_given(api: Api, publisher: Person) -> None:
    event = {"type": EVENT["type"], "data": EVENT["data"]}
    answer = api.broker.post("/v1/events", json=event, token=publisher.token)
    assert answer.json["id"].startswith("evt_")
    assert answer.json["source"] == f"/accounts/{publisher.id}"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"type": "com.botberi.thing.unheard_of.v1"}, 404, "event_type_unknown"),
        ({"data": {"agent_id": "agt_x"}}, 422, "event_invalid"),
        ({"data": {"agent_id": "agt_x", "slug": "s", "more": 1}}, 422, "event_invalid"),
        ({"data": {"agent_id": "agt_x", "slug": "\x00"}}, 422, "invalid"),
        ({"data": {"agent_id": "two words", "slug": "s"}}, 422, "event_invalid"),
        ({"data": {"agent_id": "", "slug": "s"}}, 422, "event_invalid"),
        ({"source": "/botberi/user_psql"}, 422, "source_reserved"),
        ({"source": "two words"}, 422, "invalid"),
        ({"channel": "events"}, 422, "channel_reserved"),
        ({"channel": "Robert;drop"}, 422, "invalid"),
    ],
)
def test_what_the_catalog_does_not_know_is_refused(
    api: Api, publisher: Person, change: dict[str, Any], status: int, code: str
) -> None:
    answer = api.broker.post("/v1/events", json=EVENT | change, token=publisher.token)
    assert (answer.status_code, answer.code) == (status, code)


def test_the_fields_that_do_not_fit_are_named(api: Api, publisher: Person) -> None:
    answer = api.broker.post("/v1/events", json=EVENT | {"data": {"slug": 1}}, token=publisher.token)
    assert [error["pointer"] for error in answer.json["errors"]] == ["/data/agent_id", "/data/slug"]


def test_an_event_for_postgres_goes_to_its_queue_alone(api: Api, world: World, publisher: Person) -> None:
    answer = api.broker.post("/v1/events", json=EVENT | {"id": "crm-5", "channel": "orders"}, token=publisher.token)
    assert (answer.json["exchange"], answer.json["routing_key"]) == ("", "botberi.notify.shared_psql")
    assert (answer.json["database"], answer.json["channel"]) == ("shared_psql", "orders")
    with world.transaction("shared_psql", "relay") as db:
        rows = db.exec_driver_sql("select recipient, channel from outbox where id = 'crm-5'").all()
    assert rows == [("botberi.notify.shared_psql", "orders")]


def test_publishing_takes_the_broker_scope(api: Api, person: Callable[..., Person]) -> None:
    answer = api.broker.post("/v1/events", json=EVENT, token=person().token)
    assert answer.status_code == 403


def test_the_broker_writes_events_through_their_door_alone(world: World) -> None:
    assert world.worker
    with connect("shared_psql", "broker").connect() as db:
        allowed = db.exec_driver_sql("select has_table_privilege('outbox', 'select, insert')").scalar()
    assert not allowed
