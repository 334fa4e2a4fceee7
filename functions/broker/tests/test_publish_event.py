import re
from collections.abc import Callable
from typing import Any

import pytest

from core.ids import pattern
from events.catalog.systems import NoticePosted
from migrations.databases import connect
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person

EVENT = {
    "type": NoticePosted.type,
    "data": {"notice_id": "notice-1", "text": "Something has happened."},
    "source": "/example/crm",
}


@pytest.fixture
def key(env: Environment) -> str:
    return people.publisher(env, "/example/crm", "/example/shop", scopes=())


def outbox(env: Environment, event_id: str) -> list[Any]:
    with env.transaction("shared_psql", "relay") as db:
        rows = db.exec_driver_sql("select source, type, subject, data, actor from outbox where id = %s", (event_id,))
        return [tuple(row) for row in rows]


def test_an_event_is_written_as_it_was_given(api: Api, env: Environment, key: str) -> None:
    answer = api.broker.post("/v1/events", json=EVENT | {"id": "crm-1"}, token=key)
    assert answer.status_code == 202
    assert answer.json == {
        "id": "crm-1",
        "source": "/example/crm",
        "type": NoticePosted.type,
        "subject": "notice-1",
        "duplicate": False,
        "queues": ["botberi.record-audit"],
        "database": None,
        "channel": None,
        "exchange": "botberi.events",
        "routing_key": NoticePosted.type,
    }
    [row] = outbox(env, "crm-1")
    assert row[:4] == ("/example/crm", EVENT["type"], "notice-1", EVENT["data"])
    assert re.fullmatch(pattern("pub"), row[4])


def test_the_same_event_twice_is_one_event(api: Api, env: Environment, key: str) -> None:
    for duplicate in (False, True):
        answer = api.broker.post("/v1/events", json=EVENT | {"id": "crm-2"}, token=key)
        assert answer.json["duplicate"] is duplicate
    assert len(outbox(env, "crm-2")) == 1


def test_another_event_under_a_taken_id_is_refused(api: Api, env: Environment, key: str) -> None:
    api.broker.post("/v1/events", json=EVENT | {"id": "crm-3"}, token=key)
    other = EVENT | {"id": "crm-3", "data": {"notice_id": "notice-2", "text": "Something else has."}}
    answer = api.broker.post("/v1/events", json=other, token=key)
    assert (answer.status_code, answer.code) == (409, "event_id_taken")
    assert len(outbox(env, "crm-3")) == 1


def test_another_system_may_use_the_same_id(api: Api, env: Environment, key: str) -> None:
    for source in ("/example/crm", "/example/shop"):
        event = EVENT | {"id": "crm-4", "source": source}
        assert api.broker.post("/v1/events", json=event, token=key).json["duplicate"] is False
    assert len(outbox(env, "crm-4")) == 2


def test_without_id_and_source_both_are_given(api: Api, key: str, person: Callable[..., Person]) -> None:
    operator = person(scopes=("user", "broker"))
    event = {"type": EVENT["type"], "data": EVENT["data"]}
    for token, source in ((key, "/example/crm"), (operator.token, f"/accounts/{operator.id}")):
        answer = api.broker.post("/v1/events", json=event, token=token)
        assert answer.json["id"].startswith("evt_")
        assert answer.json["source"] == source


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"type": "com.botberi.thing.unheard_of.v1"}, 404, "event_type_unknown"),
        ({"data": {"notice_id": "n"}}, 422, "event_invalid"),
        ({"data": {"notice_id": "n", "text": "t", "more": 1}}, 422, "event_invalid"),
        ({"data": {"notice_id": "n", "text": "\x00"}}, 422, "invalid"),
        ({"data": {"notice_id": "n" * 2000, "text": "t"}}, 422, "event_invalid"),
        ({"data": {"notice_id": "", "text": "t"}}, 422, "event_invalid"),
        ({"source": "/botberi/user_psql"}, 422, "source_reserved"),
        ({"source": "two words"}, 422, "source_not_normal"),
        ({"channel": "events"}, 422, "channel_reserved"),
        ({"channel": "Robert;drop"}, 422, "invalid"),
    ],
)
def test_what_the_catalog_does_not_know_is_refused(
    api: Api, key: str, change: dict[str, Any], status: int, code: str
) -> None:
    answer = api.broker.post("/v1/events", json=EVENT | change, token=key)
    assert (answer.status_code, answer.code) == (status, code)


def test_the_fields_that_do_not_fit_are_named(api: Api, key: str) -> None:
    answer = api.broker.post("/v1/events", json=EVENT | {"data": {"text": 1}}, token=key)
    assert [error["pointer"] for error in answer.json["errors"]] == ["/data/notice_id", "/data/text"]


def test_an_event_for_postgres_goes_to_its_queue_alone(api: Api, env: Environment, key: str) -> None:
    answer = api.broker.post("/v1/events", json=EVENT | {"id": "crm-5", "channel": "orders"}, token=key)
    assert (answer.json["exchange"], answer.json["routing_key"]) == ("", "botberi.notify.shared_psql")
    assert (answer.json["database"], answer.json["channel"]) == ("shared_psql", "orders")
    with env.transaction("shared_psql", "relay") as db:
        rows = db.exec_driver_sql("select recipient, channel from outbox where id = 'crm-5'").all()
    assert rows == [("botberi.notify.shared_psql", "orders")]


def test_publishing_takes_the_broker_scope(api: Api, person: Callable[..., Person]) -> None:
    answer = api.broker.post("/v1/events", json=EVENT, token=person().token)
    assert answer.status_code == 403


def test_the_broker_writes_events_through_their_door_alone(env: Environment) -> None:
    assert env.worker
    with connect("shared_psql", "broker").connect() as db:
        allowed = db.exec_driver_sql("select has_table_privilege('outbox', 'select, insert')").scalar()
    assert not allowed


def test_large_events_are_told_apart_by_source_and_id_like_small_ones(api: Api, env: Environment, key: str) -> None:
    large = EVENT | {"id": "large-1", "data": {"notice_id": "large", "text": "x" * 70_000}}
    for source in ("/example/crm", "/example/shop"):
        answer = api.broker.post("/v1/events", json=large | {"source": source}, token=key)
        assert (answer.status_code, answer.json["duplicate"]) == (202, False)
    with env.transaction("shared_psql", "migrator") as db:
        # As when it has been forgotten after seven days, and its body not yet.
        db.exec_driver_sql("delete from idempotency_keys where key = 'large-1'")
    answer = api.broker.post("/v1/events", json=large, token=key)
    assert (answer.status_code, answer.json["duplicate"]) == (202, False)
