"""What another system publishes, and what an operator frees, with everything running."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from cloudevents.conversion import to_binary
from cloudevents.http import CloudEvent

from core.postgres.session import Session
from events.catalog.systems import NoticePosted
from testing import clients, people
from testing.people import Person
from testing.stack import Stack

Eventually = Callable[[Callable[[], Any]], Any]

BATCH = {"Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture
def operator(stack: Stack) -> Person:
    return people.arrive(stack, stack.env, ("user", "admin", "broker"))


@pytest.fixture
def key(stack: Stack) -> str:
    return people.publisher(stack.env, "/example/crm")


def event(notice: str, **more: str) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": uuid4().hex, "source": "/example/crm", "type": NoticePosted.type}
    return head | {"data": {"notice_id": notice, "text": "crm"}} | more


def audited(stack: Stack, operator: Person, query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = stack.admin.get(f"/v1/admin/audit?{query}", token=operator.token).json["items"]
    return items


def test_a_batch_is_received_in_its_order(stack: Stack, operator: Person, key: str, eventually: Eventually) -> None:
    notice = f"notice-{uuid4().hex}"
    events = [event(notice) for _ in range(20)]
    body = json.dumps(events).encode()
    answer = stack.broker.post("/v1/events/batch", data=body, headers=BATCH, token=key)
    assert answer.status_code == 202, answer.text
    found = eventually(lambda: len(audited(stack, operator, f"target={notice}&limit=50")) == 20)
    assert found
    entries = audited(stack, operator, f"target={notice}&limit=50")[::-1]
    assert [entry["details"]["event_id"] for entry in entries] == [each["id"] for each in events]
    assert {entry["actor"][:4] for entry in entries} == {"pub_"}


def test_the_sdk_of_cloudevents_publishes_in_binary_mode_through_the_edge(stack: Stack, key: str) -> None:
    attributes = {name: str(value) for name, value in event("").items() if name not in {"data", "specversion"}}
    headers, body = to_binary(CloudEvent(attributes, {"notice_id": "notice-sdk", "text": "sdk"}))
    assert "content-type" not in headers
    with stack.edge() as address:
        send = clients.over_http({"edge": address})("edge")
        answer = send("POST", "/v1/events", {**headers, "Authorization": f"Bearer {key}"}, body)
        asked = {"WebHook-Request-Origin": "crm.example"}
        allowed = [send("OPTIONS", path, asked, None) for path in ("/v1/events", "/v1/events/batch")]
        refused = send("OPTIONS", "/v1/events", {}, None)
    assert (answer.status_code, answer.json["id"]) == (202, attributes["id"])
    assert [each.headers["WebHook-Allowed-Origin"] for each in allowed] == ["crm.example"] * 2
    assert (refused.status_code, refused.headers["Allow"]) == (405, "OPTIONS, POST")


def test_what_is_addressed_to_postgres_is_a_notify_there(stack: Stack, key: str, eventually: Eventually) -> None:
    sent = event("notice-crm", channel="orders")
    with closing(Session("shared_psql", "broker", name="a-listener")) as listener:
        listener.run("listen orders")
        for _ in range(2):
            answer = stack.broker.post("/v1/events/batch", data=json.dumps([sent]).encode(), headers=BATCH, token=key)
        assert answer.json["items"][0]["duplicate"]
        [(channel, payload)] = eventually(listener.notifications)
    received = json.loads(payload)
    assert (channel, received["id"], received["data"]) == ("orders", sent["id"], sent["data"])


def park(stack: Stack, event_type: str) -> None:
    """Write an event that can't be published."""
    with stack.env.transaction("user_psql", "user") as db:
        db.exec_driver_sql("select emit_event(type => %s, subject => 'agt_1', data => '{}')", (event_type,))


def parked(stack: Stack, operator: Person, event_type: str) -> list[dict[str, Any]]:
    found = stack.broker.get(f"/v1/dead-letters?kind=parked&type={event_type}", token=operator.token)
    items: list[dict[str, Any]] = found.json["items"]
    return items


def test_a_parked_event_that_still_can_not_be_published_is_parked_again(
    stack: Stack, operator: Person, eventually: Eventually
) -> None:
    wrong = "com.botberi.thing.misspelt.v1"
    park(stack, wrong)
    [first] = eventually(lambda: parked(stack, operator, wrong))
    assert (first["kind"], first["database"], first["reason"]) == ("parked", "user_psql", "type_unknown")
    path = f"/v1/dead-letters/{first['id']}/redrive"
    assert stack.broker.post(f"{path}?dry_run=true", token=operator.token).json["ids"] == [first["id"]]
    assert stack.broker.post(path, token=operator.token).json["ids"] == [first["id"]]
    [again] = eventually(lambda: parked(stack, operator, wrong))
    assert (again["event_id"], again["id"] > first["id"]) == (first["event_id"], True)


def test_who_gave_an_event_up_and_why_is_in_the_audit_trail(
    stack: Stack, operator: Person, eventually: Eventually
) -> None:
    wrong = "com.botberi.thing.given_up.v1"
    park(stack, wrong)
    [dead_letter] = eventually(lambda: parked(stack, operator, wrong))
    body = {"type": wrong, "resolution_reason": "Nobody knows it."}
    assert stack.broker.post("/v1/dead-letters/discard", json=body, token=operator.token).json["ids"] == [
        dead_letter["id"]
    ]
    assert parked(stack, operator, wrong) == []
    acts = f"action=com.botberi.dead_letter.resolved.v1&actor={operator.id}"
    [action] = eventually(lambda: audited(stack, operator, acts))
    told = action["details"]["data"]
    assert (told["resolution"], told["dead_letters"], told["reason"]) == (
        "discarded",
        [dead_letter["id"]],
        "Nobody knows it.",
    )


def test_the_status_names_who_relays(stack: Stack, operator: Person, eventually: Eventually) -> None:
    def paths() -> dict[str, dict[str, Any]]:
        found = stack.broker.get("/v1/event-path", token=operator.token).json["databases"]
        return {each["database"]: each for each in found}

    for database, relay in (("user_psql", "relay-user"), ("shared_psql", "relay-shared")):
        path = paths()[database]
        assert path["holder"].endswith(f"/{stack.processes[relay].process.pid}")
        assert path["relays"] == 1
    eventually(lambda: {path["waiting"] for path in paths().values()} == {0})
