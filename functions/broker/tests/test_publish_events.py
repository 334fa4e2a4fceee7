"""Batches of CloudEvents."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from events.catalog.systems import NoticePosted
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

SOURCE = "/example/batch"
"""Nobody else's: other tests of this worker publish too."""

BATCH = {"Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture
def token(env: Environment) -> str:
    return people.publisher(env, "/example/crm", "/example/sdk", SOURCE)


def event(event_id: str, notice: str = "notice-batch", **more: object) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": event_id, "source": SOURCE, "type": NoticePosted.type}
    return head | {"data": {"notice_id": notice, "text": "batch"}} | more


def publish(api: Api, token: str, events: Sequence[object]) -> Response:
    return api.broker.post("/v1/events/batch", data=json.dumps(events).encode(), headers=BATCH, token=token)


def written(env: Environment, prefix: str) -> list[str]:
    with env.transaction("shared_psql", "relay") as db:
        query = "select id from outbox where source = %s and id like %s order by seq"
        rows = db.exec_driver_sql(query, (SOURCE, f"{prefix}%"))
        return [row.id for row in rows]


def test_each_event_has_a_receipt_in_the_order_of_the_batch(api: Api, env: Environment, token: str) -> None:
    ids = ["order-b", "order-a", "order-c"]
    answer = publish(api, token, [event(each) for each in ids[:2]] + [event(ids[2], channel="orders")])
    assert answer.status_code == 202
    assert [item["id"] for item in answer.json["items"]] == ids == written(env, "order-")
    assert [item["queues"] for item in answer.json["items"][1:]] == [
        ["botberi.record-audit"],
        ["botberi.notify.shared_psql"],
    ]
    assert [item["database"] for item in answer.json["items"]] == [None, None, "shared_psql"]


def test_a_batch_that_comes_again_is_known_event_by_event(api: Api, env: Environment, token: str) -> None:
    publish(api, token, [event("again-1")])
    answer = publish(api, token, [event("again-2"), event("again-1")])
    assert [item["duplicate"] for item in answer.json["items"]] == [False, True]
    assert written(env, "again-") == ["again-1", "again-2"]


def test_an_event_that_is_in_the_batch_twice_is_published_once(api: Api, env: Environment, token: str) -> None:
    answer = publish(api, token, [event("twice-1"), event("twice-1")])
    assert [item["duplicate"] for item in answer.json["items"]] == [False, True]
    assert written(env, "twice-") == ["twice-1"]


def test_two_events_of_one_id_in_a_batch_are_refused(api: Api, env: Environment, token: str) -> None:
    answer = publish(api, token, [event("same-1"), event("same-2"), event("same-1", "notice-other")])
    assert (answer.status_code, answer.code) == (422, "batch_refused")
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [("/2/id", "event_id_taken")]
    assert written(env, "same-") == []


def test_every_error_is_named_and_nothing_is_published(api: Api, env: Environment, token: str) -> None:
    unknown = event("bad-2", type="com.botberi.thing.unheard_of.v1")
    answer = publish(
        api, token, [event("bad-1"), unknown, event("bad-3", data={"text": 1}), event("bad-4", source="/botberi/x")]
    )
    assert (answer.status_code, answer.code) == (422, "batch_refused")
    assert [(each["pointer"], each["code"]) for each in answer.json["errors"]] == [
        ("/1/type", "event_type_unknown"),
        ("/2/data/notice_id", "missing"),
        ("/2/data/text", "string_type"),
        ("/3/source", "source_reserved"),
    ]
    assert written(env, "bad-") == []


def test_what_is_no_event_is_named_by_its_place(api: Api, token: str) -> None:
    answer = publish(api, token, [event("shape-1"), {"id": 1}, "text"])
    pointers = {each["pointer"] for each in answer.json["errors"]}
    assert pointers == {"/1/specversion", "/1/id", "/1/source", "/1/type", "/1/data", "/2"}


def test_an_empty_batch_publishes_nothing(api: Api, token: str) -> None:
    answer = publish(api, token, [])
    assert (answer.status_code, answer.json) == (202, {"items": []})


def test_a_batch_of_the_largest_number_is_published_and_no_more(api: Api, env: Environment, token: str) -> None:
    events = [event(f"many-{number:03}", f"notice-{number % 7}") for number in range(501)]
    refused = publish(api, token, events)
    assert (refused.status_code, refused.json["errors"][0]["code"]) == (422, "too_long")
    assert publish(api, token, events[:500]).status_code == 202
    assert written(env, "many-") == [each["id"] for each in events[:500]]


def test_a_batch_of_too_many_bytes_is_refused_with_the_limit(api: Api, token: str) -> None:
    huge = [event("huge-1", data={"notice_id": "n", "text": "x" * 1024 * 1024})]
    answer = publish(api, token, huge)
    assert (answer.status_code, answer.code) == (413, "too_large")
    assert "1,048,576 bytes" in answer.json["detail"]


@pytest.mark.parametrize("body", [b"", b"[", b'[{"id": NaN}]', b"\xff", b"[[[[", b'[{"a": 1, "a": 2}]'])
def test_what_is_no_json_is_malformed(api: Api, token: str, body: bytes) -> None:
    answer = api.broker.post("/v1/events/batch", data=body, headers=BATCH, token=token)
    assert (answer.status_code, answer.code) == (400, "malformed")


@pytest.mark.parametrize("body", [b"{}", b"null", b"1", b'"text"'])
def test_what_is_no_array_is_invalid(api: Api, token: str, body: bytes) -> None:
    answer = api.broker.post("/v1/events/batch", data=body, headers=BATCH, token=token)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "")


@pytest.mark.parametrize("kind", ["application/json", "application/cloudevents+json", ""])
def test_a_batch_says_that_it_is_one(api: Api, token: str, kind: str) -> None:
    answer = api.broker.post("/v1/events/batch", data=b"[]", headers={"Content-Type": kind}, token=token)
    assert (answer.status_code, answer.code) == (415, "unsupported_media_type")
    assert "application/cloudevents-batch+json" in answer.json["detail"]


def test_clients_that_publish_the_same_at_once_publish_it_once(api: Api, env: Environment, token: str) -> None:
    events = [event(f"race-{number:02}") for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        batches = [events, events[::-1], events[10:], events[:30][::-1]]
        answers = list(pool.map(lambda batch: publish(api, token, batch), batches * 2))
    assert {answer.status_code for answer in answers} == {202}
    fresh = [item["id"] for answer in answers for item in answer.json["items"] if not item["duplicate"]]
    assert sorted(fresh) == [each["id"] for each in events] == sorted(written(env, "race-"))


def test_batches_take_the_broker_scope(api: Api, person: Callable[..., Person]) -> None:
    answer = publish(api, person().token, [event("scope-1")])
    assert (answer.status_code, answer.code) == (403, "forbidden")
