import json
from collections.abc import Callable

import pytest

from events import contracts
from events.catalog.agents import AgentChanged
from events.ids import new_id
from functions.local.testing.clients import Api
from functions.local.testing.people import Person
from functions.local.testing.world import World

QUEUE = "botberi.record-audit"
BURY = """insert into dead_letters (id, queue, event_id, source, type, subject, reason, detail, attempts, event)
          values (%s, %s, %s, '/s', %s, 'agt_1', 'refused', '422', 1, %s)"""


@pytest.fixture
def operator(person: Callable[..., Person]) -> Person:
    return person(scopes=("user", "broker"))


def bury(world: World, event: str | None = None) -> str:
    letter = new_id("ded")
    if event is None:
        event = json.dumps(contracts.example(AgentChanged) | {"id": f"evt_{letter}"})
    with world.transaction("shared_psql", "relay") as db:
        db.exec_driver_sql(BURY, (letter, QUEUE, f"evt_{letter}", AgentChanged.type, event))
    return letter


def test_dead_letters_are_listed_newest_first(api: Api, world: World, operator: Person) -> None:
    older, newer = bury(world), bury(world)
    found = api.broker.get(f"/v1/dead-letters?queue={QUEUE}&limit=2", token=operator.token).json["items"]
    assert [each["id"] for each in found] == [newer, older]


def test_its_event_is_read_with_free_text_masked(api: Api, world: World, operator: Person) -> None:
    event = contracts.example(AgentChanged)
    event["data"]["slug"] = "Somebody's secret"
    letter = bury(world, json.dumps(event))
    data = api.broker.get(f"/v1/dead-letters/{letter}", token=operator.token).json["event"]["data"]
    assert data == event["data"] | {"slug": "<17 characters>"}


def test_redriving_sends_it_to_its_queue_once(api: Api, world: World, operator: Person) -> None:
    letter = bury(world)
    path = f"/v1/dead-letters/{letter}/redrive"
    assert api.broker.post(path, token=operator.token).status_code == 204
    assert api.broker.post(path, token=operator.token).code == "dead_letter_resolved"
    with world.transaction("shared_psql", "relay") as db:
        sent = db.exec_driver_sql("select recipient, source from outbox where id = %s", (f"evt_{letter}",)).all()
    assert sent == [(QUEUE, "/s")]
    kept = api.broker.get(f"/v1/dead-letters/{letter}", token=operator.token).json
    assert (kept["resolution"], kept["resolved_by"]) == ("redriven", operator.id)


def test_a_discarded_one_stays_to_be_read(api: Api, world: World, operator: Person) -> None:
    letter = bury(world)
    assert api.broker.post(f"/v1/dead-letters/{letter}/discard", token=operator.token).status_code == 204
    resolved = api.broker.get("/v1/dead-letters?resolved=true", token=operator.token).json["items"]
    assert letter in [each["id"] for each in resolved]
    assert letter not in [each["id"] for each in api.broker.get("/v1/dead-letters", token=operator.token).json["items"]]


def test_what_is_no_event_can_only_be_discarded(api: Api, world: World, operator: Person) -> None:
    letter = bury(world, "not JSON")
    assert api.broker.get(f"/v1/dead-letters/{letter}", token=operator.token).json["event"] is None
    redriven = api.broker.post(f"/v1/dead-letters/{letter}/redrive", token=operator.token)
    assert (redriven.status_code, redriven.code) == (409, "dead_letter_unreadable")
    assert api.broker.post(f"/v1/dead-letters/{letter}/discard", token=operator.token).status_code == 204


@pytest.mark.parametrize("action", ["", "/redrive", "/discard"])
def test_an_unknown_one_is_not_found(api: Api, operator: Person, action: str) -> None:
    method = "POST" if action else "GET"
    answer = api.broker.request(method, f"/v1/dead-letters/ded_unknown{action}", token=operator.token)
    assert (answer.status_code, answer.code) == (404, "dead_letter_not_found")
