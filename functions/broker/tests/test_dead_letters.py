import json
from collections.abc import Callable
from typing import Any

import pytest

from core.ids import new_id
from events.catalog.agents import AgentChanged
from events.contracts import contracts
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person

QUEUE = "botberi.record-audit"
INSERT = """insert into dead_letters (id, queue, event_id, source, type, subject, reason, detail, attempts, event)
          values (%s, %s, %s, '/s', %s, 'agt_1', 'refused', '422', 1, %s)"""
WRITE = "select emit_event(type => %s, subject => %s, data => '{\"slug\": \"Somebody''s\"}', id => %s)"
PARK = """insert into parked_events (seq, id, type, subject, reason, detail, record)
          select seq, id, type, subject, 'unroutable', 'no queue', to_jsonb(outbox) from outbox where id = %s
          returning dead_letter_id"""


@pytest.fixture
def operator(person: Callable[..., Person]) -> Person:
    return person(scopes=("user", "broker"))


def insert_dead_letter(env: Environment, event: str | None = None, queue: str = QUEUE) -> str:
    dead_letter = new_id("ded")
    if event is None:
        event = json.dumps(contracts.example(AgentChanged) | {"id": f"evt_{dead_letter}"})
    with env.transaction("shared_psql", "relay") as db:
        db.exec_driver_sql(INSERT, (dead_letter, queue, f"evt_{dead_letter}", AgentChanged.type, event))
    return dead_letter


def park(
    env: Environment, database: str = "user_psql", event_type: str = AgentChanged.type, subject: str = "agt_1"
) -> str:
    event = new_id("evt")
    with env.transaction(database, "migrator") as db:
        db.exec_driver_sql(WRITE, (event_type, subject, event))
        return str(db.exec_driver_sql(PARK, (event,)).scalar_one())


def sent(env: Environment, database: str, event: str) -> list[Any]:
    with env.transaction(database, "relay") as db:
        return list(db.exec_driver_sql("select recipient, source from outbox where id = %s order by seq", (event,)))


def acts(env: Environment, database: str, dead_letter: str) -> list[Any]:
    with env.transaction(database, "relay") as db:
        sql = "select actor, data->>'resolution', data->>'reason' from outbox where data->'dead_letters' ? %s"
        return [tuple(row) for row in db.exec_driver_sql(sql, (dead_letter,))]


def listed(api: Api, operator: Person, query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.broker.get(f"/v1/dead-letters?{query}", token=operator.token).json["items"]
    return items


def test_both_kinds_are_listed_newest_first(api: Api, env: Environment, operator: Person) -> None:
    dead_letters = [insert_dead_letter(env), park(env), park(env, "shared_psql"), insert_dead_letter(env)]
    assert [each["id"] for each in listed(api, operator, "limit=4")] == dead_letters[::-1]
    kinds = [(each["kind"], each["database"], each["queue"]) for each in listed(api, operator, "limit=3")]
    assert kinds == [("dead", "shared_psql", QUEUE), ("parked", "shared_psql", None), ("parked", "user_psql", None)]


def test_the_list_is_read_page_by_page_over_both_databases(api: Api, env: Environment, operator: Person) -> None:
    dead_letters = [park(env), insert_dead_letter(env), park(env)]
    first = api.broker.get("/v1/dead-letters?limit=2", token=operator.token).json
    second = api.broker.get(f"/v1/dead-letters?limit=1&cursor={first['next_cursor']}", token=operator.token).json
    assert [each["id"] for each in first["items"] + second["items"]] == dead_letters[::-1]


@pytest.mark.parametrize(
    "query", ["kind=parked", "database=user_psql", "reason=unroutable", "type=com.botberi.thing.unheard_of.v1"]
)
def test_filters_leave_out_the_rest(api: Api, env: Environment, operator: Person, query: str) -> None:
    parked, dead = park(env, event_type="com.botberi.thing.unheard_of.v1"), insert_dead_letter(env)
    found = [each["id"] for each in listed(api, operator, query)]
    assert parked in found
    assert dead not in found


def test_its_event_is_read_with_free_text_masked(api: Api, env: Environment, operator: Person) -> None:
    event = contracts.example(AgentChanged)
    event["data"]["slug"] = "Somebody's secret"
    dead_letter = insert_dead_letter(env, json.dumps(event))
    data = api.broker.get(f"/v1/dead-letters/{dead_letter}", token=operator.token).json["event"]["data"]
    assert data == event["data"] | {"slug": "<17 characters>"}


def test_a_parked_event_is_read_alike(api: Api, env: Environment, operator: Person) -> None:
    found = api.broker.get(f"/v1/dead-letters/{park(env)}", token=operator.token).json
    assert (found["kind"], found["reason"], found["source"]) == ("parked", "unroutable", "/botberi/user_psql")
    assert found["event"]["data"] == {"slug": "<10 characters>"}
    assert found["event"]["id"] == found["event_id"]


def test_redriving_sends_it_to_its_queue_once(api: Api, env: Environment, operator: Person) -> None:
    dead_letter = insert_dead_letter(env)
    path = f"/v1/dead-letters/{dead_letter}/redrive"
    assert api.broker.post(path, token=operator.token).json["ids"] == [dead_letter]
    assert api.broker.post(path, token=operator.token).code == "dead_letter_resolved"
    assert sent(env, "shared_psql", f"evt_{dead_letter}") == [(QUEUE, "/s")]
    kept = api.broker.get(f"/v1/dead-letters/{dead_letter}", token=operator.token).json
    assert (kept["resolution"], kept["resolved_by"]) == ("redriven", operator.id)


def test_a_parked_event_is_sent_to_all_with_its_id(api: Api, env: Environment, operator: Person) -> None:
    dead_letter = park(env)
    event = api.broker.get(f"/v1/dead-letters/{dead_letter}", token=operator.token).json["event_id"]
    assert api.broker.post(f"/v1/dead-letters/{dead_letter}/redrive", token=operator.token).json["count"] == 1
    assert sent(env, "user_psql", event) == [(None, None)] * 2


def test_a_discarded_one_stays_to_be_read_and_says_who_and_why(api: Api, env: Environment, operator: Person) -> None:
    for dead_letter, database in ((insert_dead_letter(env), "shared_psql"), (park(env), "user_psql")):
        path = f"/v1/dead-letters/{dead_letter}/discard"
        assert api.broker.post(path, json={"resolution_reason": "A test's."}, token=operator.token).json["count"] == 1
        assert dead_letter in [each["id"] for each in listed(api, operator, "resolved=true")]
        assert dead_letter not in [each["id"] for each in listed(api, operator, "limit=100")]
        kept = api.broker.get(f"/v1/dead-letters/{dead_letter}", token=operator.token).json
        assert (kept["resolved_by"], kept["resolution_reason"]) == (operator.id, "A test's.")
        assert acts(env, database, dead_letter) == [(operator.id, "discarded", "A test's.")]


def test_nothing_is_discarded_without_a_reason(api: Api, env: Environment, operator: Person) -> None:
    answer = api.broker.post(f"/v1/dead-letters/{insert_dead_letter(env)}/discard", json={}, token=operator.token)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/resolution_reason")


@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_a_dry_run_tells_and_does_nothing(api: Api, env: Environment, operator: Person, action: str) -> None:
    dead_letters = [insert_dead_letter(env, queue="botberi.dry"), insert_dead_letter(env, queue="botberi.dry")]
    selection = {"queue": "botberi.dry"} | ({"resolution_reason": "A test's."} if action == "discard" else {})
    path = f"/v1/dead-letters/{action}?dry_run=true"
    for _ in range(2):
        told = api.broker.post(path, json=selection, token=operator.token).json
        assert (told["dry_run"], told["count"], told["ids"]) == (True, 2, dead_letters)
    body = {"resolution_reason": "A test's."} if action == "discard" else None
    told = api.broker.post(
        f"/v1/dead-letters/{dead_letters[0]}/{action}?dry_run=true", json=body, token=operator.token
    ).json
    assert (told["dry_run"], told["ids"]) == (True, dead_letters[:1])
    for dead_letter in dead_letters:
        assert api.broker.get(f"/v1/dead-letters/{dead_letter}", token=operator.token).json["resolution"] is None
        assert acts(env, "shared_psql", dead_letter) == []
    api.broker.post(
        "/v1/dead-letters/discard", json={"ids": dead_letters, "resolution_reason": "Done."}, token=operator.token
    )


def test_a_filter_takes_the_oldest_first_and_says_whether_there_are_more(
    api: Api, env: Environment, operator: Person
) -> None:
    dead_letters = [insert_dead_letter(env, queue="botberi.many") for _ in range(3)]
    body = {"queue": "botberi.many", "limit": 2, "resolution_reason": "Mended."}
    first = api.broker.post("/v1/dead-letters/redrive", json=body, token=operator.token).json
    assert (first["ids"], first["more"]) == (dead_letters[:2], True)
    second = api.broker.post("/v1/dead-letters/redrive", json=body, token=operator.token).json
    assert (second["ids"], second["more"]) == (dead_letters[2:], False)
    assert acts(env, "shared_psql", dead_letters[0]) == [(operator.id, "redriven", "Mended.")]


def test_parked_events_of_both_databases_are_redriven_together(api: Api, env: Environment, operator: Person) -> None:
    dead_letters = [park(env, database, "com.botberi.thing.both.v1") for database in ("user_psql", "shared_psql")]
    body = {"kind": "parked", "type": "com.botberi.thing.both.v1"}
    assert api.broker.post("/v1/dead-letters/redrive", json=body, token=operator.token).json["ids"] == dead_letters


def test_what_can_not_be_done_is_skipped_with_its_code(api: Api, env: Environment, operator: Person) -> None:
    fine, spoilt, done = insert_dead_letter(env), insert_dead_letter(env, "not JSON"), insert_dead_letter(env)
    api.broker.post(f"/v1/dead-letters/{done}/redrive", token=operator.token)
    body = {"ids": ["ded_unknown", done, spoilt, fine]}
    told = api.broker.post("/v1/dead-letters/redrive", json=body, token=operator.token).json
    assert told["ids"] == [fine]
    codes = {"ded_unknown": "not_found", done: "resolved", spoilt: "unreadable"}
    assert {each["id"]: each["code"].removeprefix("dead_letter_") for each in told["skipped"]} == codes


@pytest.mark.parametrize("body", [{}, {"ids": ["ded_1"], "kind": "dead"}, {"ids": []}, {"limit": 5}])
def test_a_selection_is_ids_or_a_filter(api: Api, operator: Person, body: dict[str, Any]) -> None:
    assert api.broker.post("/v1/dead-letters/redrive", json=body, token=operator.token).status_code == 422


def test_what_is_no_event_can_only_be_discarded(api: Api, env: Environment, operator: Person) -> None:
    dead_letter = insert_dead_letter(env, "not JSON")
    assert api.broker.get(f"/v1/dead-letters/{dead_letter}", token=operator.token).json["event"] is None
    for query in ("", "?dry_run=true"):
        redriven = api.broker.post(f"/v1/dead-letters/{dead_letter}/redrive{query}", token=operator.token)
        assert (redriven.status_code, redriven.code) == (409, "dead_letter_unreadable")
    path = f"/v1/dead-letters/{dead_letter}/discard"
    assert api.broker.post(path, json={"resolution_reason": "No event."}, token=operator.token).status_code == 200


@pytest.mark.parametrize("action", ["", "/redrive", "/discard"])
def test_an_unknown_one_is_not_found(api: Api, operator: Person, action: str) -> None:
    method = "POST" if action else "GET"
    body = {"resolution_reason": "None."} if action == "/discard" else None
    answer = api.broker.request(method, f"/v1/dead-letters/ded_unknown{action}", json=body, token=operator.token)
    assert (answer.status_code, answer.code) == (404, "dead_letter_not_found")


@pytest.mark.parametrize("path", ["/v1/dead-letters/redrive", "/v1/dead-letters/ded_1/redrive"])
def test_others_than_operators_may_not(api: Api, person: Callable[..., Person], path: str) -> None:
    assert api.broker.post(path, json={"kind": "dead"}, token=person().token).code == "forbidden"


@pytest.mark.parametrize(
    ("subject", "code"), [("s" * 2100, "dead_letter_too_large"), ('a "quote"', "dead_letter_unreadable")]
)
def test_what_can_never_be_published_is_not_redriven(
    api: Api, env: Environment, operator: Person, subject: str, code: str
) -> None:
    dead_letter = park(env, subject=subject)
    one = api.broker.post(f"/v1/dead-letters/{dead_letter}/redrive", token=operator.token)
    assert (one.status_code, one.code) == (409, code)
    body = {"ids": [dead_letter]}
    told = api.broker.post("/v1/dead-letters/redrive", json=body, token=operator.token).json
    assert (told["count"], told["skipped"]) == (0, [{"id": dead_letter, "code": code}])
    resolution_reason = body | {"resolution_reason": "A test."}
    assert api.broker.post("/v1/dead-letters/discard", json=resolution_reason, token=operator.token).json["ids"] == [
        dead_letter
    ]
