"""The journey that must work, from end to end: every process runs, and every event goes the whole way."""

import base64
import json
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pika
import pytest
from cloudevents.conversion import to_json
from cloudevents.http import from_json
from sqlalchemy import text

from core import http_client
from core.ids import new_id
from events import wire
from events.broker import bus
from events.catalog.agents import AgentCreated
from events.catalog.load import load
from events.contracts import contracts
from functions.domain.catalog.bundles import bundle
from testing import people, trail
from testing.launches import ECHO, Launched
from testing.people import Person
from testing.stack import Stack

Eventually = Callable[..., Any]

TRACE: Final = "a1" * 16
KEPT: Final = ("instance_events", "inbox", "audit_entries", "revoked_sessions")
"""Tables of shared_psql that an event may have an effect on."""


@pytest.fixture
def traveller(stack: Stack) -> Person:
    return people.arrive(stack, stack.env, ("user",))


def launched(stack: Stack, owner: Person, agent: str, config: dict[str, Any], **headers: str) -> Launched:
    body = {"agent": agent, "name": "On a journey", "config": config}
    answer = stack.user.post("/v1/instances", json=body, token=owner.token, headers=headers)
    assert answer.status_code == 201, answer.text
    return Launched(answer.json["id"], owner, stack, stack.env)


def recorded(stack: Stack, instance: Launched) -> list[dict[str, Any]]:
    """Return the events about an instance as the audit trail has them, oldest first."""
    found = trail.entries(stack.env, "shared_psql", target=instance.id)
    told = [each["details"] | {"actor": each["actor"]} for each in found if each["origin"] == "event"]
    return sorted(told, key=lambda each: str(each["time"]))


def test_somebody_launches_an_agent_talks_to_it_stops_it_and_deletes_it(
    stack: Stack, traveller: Person, eventually: Eventually
) -> None:
    slugs = [agent["slug"] for agent in stack.user.get("/v1/agents", token=traveller.token).json["items"]]
    assert {"echo", "faq"} <= set(slugs)
    instance = launched(stack, traveller, "echo", {"prefix": "> "})
    eventually(lambda: instance.status == "running")
    assert instance.say("Is anybody there?").json["text"] == "> Is anybody there?"
    instance.ask("stop")
    eventually(lambda: instance.status == "stopped")
    assert instance.say("And now?").code == "instance_not_running"
    instance.ask("start")
    eventually(lambda: instance.status == "running")
    instance.ask("delete")
    eventually(lambda: instance.status == "deleted")
    assert instance.statuses()[-2:] == ["deleting", "deleted"]


def test_a_question_in_other_words_is_answered_by_a_running_faq(
    stack: Stack, traveller: Person, eventually: Eventually
) -> None:
    known = [{"question": "How do I reset my password?", "answer": "Use the link on the login page."}]
    instance = launched(stack, traveller, "faq", {"questions": known, "unknown": "Ask a person."})
    eventually(lambda: instance.status == "running")
    assert instance.say("i forgot my pasword").json["text"] == "Use the link on the login page."
    assert instance.say("Who won the world cup?").json["text"] == "Ask a person."


def test_one_trace_and_one_actor_run_from_the_request_to_the_last_event(
    stack: Stack, traveller: Person, eventually: Eventually
) -> None:
    instance = launched(stack, traveller, "echo", {}, traceparent=f"00-{TRACE}-{'b2' * 8}-01")
    eventually(lambda: len(recorded(stack, instance)) == 4)
    assert [entry["data"].get("status") for entry in recorded(stack, instance)] == [
        None,
        "provisioning",
        "starting",
        "running",
    ]
    assert {(entry["trace_id"], entry["actor"]) for entry in recorded(stack, instance)} == {(TRACE, traveller.id)}
    assert TRACE in stack.log("host")
    assert TRACE in stack.log("worker")


def test_an_administrator_publishes_an_agent_and_stops_somebodys_instance_of_it(
    stack: Stack, traveller: Person, eventually: Eventually, tmp_path: Path
) -> None:
    token = people.arrive(stack, stack.env, ("user", "admin")).token
    (tmp_path / "main.py").write_text(ECHO)
    agent = {"slug": "journey", "name": "Journey", "summary": "Made on the way."}
    assert stack.admin.post("/v1/admin/agents", json=agent, token=token).status_code == 201
    packed = base64.b64encode(bundle(tmp_path)).decode()
    version = {"number": "1.0.0", "config_schema": {"type": "object"}, "bundle": packed}
    assert stack.admin.post("/v1/admin/agents/journey/versions", json=version, token=token).status_code == 201
    instance = launched(stack, traveller, "journey", {})
    eventually(lambda: instance.status == "running")
    stop, why = f"/v1/admin{instance.path.removeprefix('/v1')}/stop", {"reason": "It is in the way."}
    assert stack.admin.post(stop, json=why, token=token).status_code == 202
    eventually(lambda: instance.status == "stopped")
    assert "stopped_by_administrator" in instance.reasons()


def test_an_instance_arrives_though_the_worker_was_killed_with_its_job_in_hand(
    stack: Stack, traveller: Person, eventually: Eventually
) -> None:
    short = {"INSTANCE_LEASE_SECONDS": "2", "INSTANCE_SWEEP_SECONDS": "1"}
    stack.processes["worker"].stop()
    stack.start("worker", BOTBERI_FAILPOINT="converge.done.prepare", **short)
    instance = launched(stack, traveller, "echo", {})
    eventually(lambda: not stack.processes["worker"].alive)
    stack.start("worker", **short)
    eventually(lambda: instance.status == "running")
    assert instance.statuses() == ["provisioning", "starting", "running"]


SAID_ON_THE_WAY: Final = {
    "com.botberi.account.registered.v1",
    "com.botberi.agent.changed.v1",
    "com.botberi.agent.created.v1",
    "com.botberi.instance.desired_state_changed.v1",
    "com.botberi.instance.status_changed.v1",
    "com.botberi.session.revoked.v1",
    "com.botberi.version.published.v1",
}


def test_rabbitmq_sees_every_type_that_the_journey_says_and_each_message_is_as_promised(
    stack: Stack, traveller: Person, eventually: Eventually, tmp_path: Path
) -> None:
    token = people.arrive(stack, stack.env, ("user", "admin")).token
    (tmp_path / "main.py").write_text(ECHO)
    agent = {"slug": "watched", "name": "Monitored", "summary": "Made on the way."}
    stack.admin.post("/v1/admin/agents", json=agent, token=token)
    path = "/v1/admin/agents/watched"
    version = {
        "number": "1.0.0",
        "config_schema": {"type": "object"},
        "bundle": base64.b64encode(bundle(tmp_path)).decode(),
    }
    stack.admin.post(f"{path}/versions", json=version, token=token)
    etag = {"If-Match": stack.admin.get(path, token=token).headers["ETag"]}
    assert stack.admin.patch(path, json={"summary": "Changed."}, token=token, headers=etag).status_code == 200
    launched(stack, traveller, "watched", {}).ask("delete")
    stack.user.post("/v1/auth/logout", token=token)
    eventually(lambda: stack.watcher.look() >= SAID_ON_THE_WAY)
    stack.watcher.verify()


def test_what_another_system_addresses_to_postgres_is_seen_too(stack: Stack, eventually: Eventually) -> None:
    said = contracts.example(AgentCreated) | {"id": new_id("evt"), "source": "/example/crm", "channel": "theirs"}
    event = from_json(json.dumps(said))
    properties = pika.BasicProperties(wire.CONTENT_TYPE, delivery_mode=2, message_id=event["id"], type=event["type"])
    with pika.BlockingConnection(bus.parameters("admin")) as connection:
        connection.channel().basic_publish(bus.NOTIFY_EXCHANGE, "any", to_json(event), properties)
    assert eventually(lambda: stack.watcher.about(event["subject"])) == [said]
    stack.watcher.verify()


def test_the_dataschema_of_an_event_is_an_address_that_answers_with_its_schema(
    stack: Stack, traveller: Person, eventually: Eventually
) -> None:
    [event] = eventually(lambda: stack.watcher.about(traveller.id))
    answer = http_client.request("GET", event["dataschema"], seconds=10)
    assert json.loads(answer.body) == contracts.schema(load()[event["type"]])


def everything(stack: Stack) -> dict[str, Any]:
    """Return all that events may change in shared_psql, but for the leases of running instances."""
    rows = "select jsonb_agg(to_jsonb(t) - '{due_at,lease_owner,lease_expires_at,queued_at}'::text[] order by id) from "
    with stack.env.transaction("shared_psql", "migrator") as db:
        found = {table: db.scalar(text(f"select count(*) from {table}")) for table in KEPT}
        return found | {"instances": db.scalar(text(f"{rows} instances t"))}


def test_delivering_every_event_of_the_journey_a_second_time_changes_nothing(
    stack: Stack, traveller: Person, eventually: Eventually
) -> None:
    instance = launched(stack, traveller, "echo", {})
    eventually(lambda: instance.status == "running")
    stack.user.post("/v1/auth/logout", token=people.arrive(stack, stack.env, ("user",)).token)
    instance.ask("delete")
    eventually(lambda: [entry["data"].get("status") for entry in recorded(stack, instance)][-1] == "deleted")
    # Whoever records an event may be quicker than the others that it is delivered to.
    eventually(lambda: all_handled(stack))
    before = everything(stack)
    for event in every_event(stack):
        for subscriber in subscribers_of(stack, event):
            assert stack.deliver(subscriber, event).status_code == 200
    assert everything(stack) == before


def subscribers_of(stack: Stack, event: dict[str, Any]) -> list[str]:
    return [
        each.name
        for each in stack.declarations
        if each.api == "subscribers"
        and any(fnmatch(event["type"], bound.replace("#", "*")) for bound in each.event_types)
    ]


def all_handled(stack: Stack) -> bool:
    """Return whether every event that was recorded is in the inbox of all its subscribers that have one."""
    with stack.env.transaction("shared_psql", "migrator") as db:
        handled = {(row.subscriber, row.id) for row in db.execute(text("select subscriber, id from inbox"))}
    having_one = {subscriber for subscriber, _ in handled}
    return all(
        (subscriber, event["id"]) in handled
        for event in every_event(stack)
        for subscriber in having_one.intersection(subscribers_of(stack, event))
    )


def every_event(stack: Stack) -> list[dict[str, Any]]:
    """Return every event that was recorded, as it was delivered."""
    rows = [each for each in trail.entries(stack.env, "shared_psql") if each["origin"] == "event"]
    types = {row["action"] for row in rows}
    assert {"com.botberi.session.revoked.v1", "com.botberi.instance.status_changed.v1"} <= types
    return [
        {
            "specversion": "1.0",
            "id": row["details"]["event_id"],
            "source": row["details"]["source"],
            "type": row["action"],
            "subject": row["targets"][0],
            "time": row["details"]["time"],
            "traceparent": f"00-{row['details']['trace_id']}-{'b2' * 8}-01",
            "actor": row["actor"],
            "data": row["details"]["data"],
        }
        for row in rows
    ]
