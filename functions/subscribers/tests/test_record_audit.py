"""The audit trail: everything once, unchanged, and by nobody to be changed."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from core.ids import new_id
from testing import trail
from testing.clients import Api
from testing.environment import Environment


def an_event(**attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": new_id("evt"),
        "source": "/botberi/user_psql",
        "type": "com.botberi.account.registered.v1",
        "subject": "usr_1",
        "time": "2026-01-01T00:00:00.5+00:00",
        "actor": "usr_2",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "data": {"account_id": "usr_1"},
    } | attributes


def recorded(env: Environment, event_id: str) -> list[dict[str, Any]]:
    return [each for each in trail.entries(env, "shared_psql") if (each["details"] or {}).get("event_id") == event_id]


def test_an_event_delivered_twice_is_one_entry_with_everything_in_it(api: Api, env: Environment) -> None:
    event = an_event()
    assert [api.deliver("record_audit", event).status_code for _ in range(2)] == [200, 200]
    [entry] = recorded(env, event["id"])
    assert (entry["origin"], entry["actor"], entry["targets"]) == ("event", "usr_2", ["usr_1"])
    assert entry["details"] == {
        "event_id": event["id"],
        "source": event["source"],
        "time": event["time"],
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "data": event["data"],
    }


def test_those_that_come_by_one_call_are_recorded_in_their_order(api: Api, env: Environment) -> None:
    tick = an_event(type="com.botberi.shared_pruning.fallen_due.v1", source="/botberi/shared_psql")
    tick["data"] = {"schedule": "prune_shared_psql", "slot": "2026-01-01T00:00:00Z"}
    events = [an_event(subject="usr_1"), tick, an_event(subject="usr_2", actor="usr_3")]
    assert [api.deliver("record_audit", *events).status_code for _ in range(2)] == [200, 200]
    found = [recorded(env, each["id"]) for each in events]
    assert [[(entry["actor"], entry["targets"]) for entry in each] for each in found] == [
        [("usr_2", ["usr_1"])],
        [],
        [("usr_3", ["usr_2"])],
    ]
    assert found[0][0]["id"] < found[2][0]["id"]


def test_events_of_types_that_nobody_knows_are_recorded_too(api: Api, env: Environment) -> None:
    event = an_event(type="org.example.tested.v1", traceparent="broken", data={"any": ["thing"]})
    assert api.deliver("record_audit", event).status_code == 200
    [entry] = recorded(env, event["id"])
    assert entry["action"] == "org.example.tested.v1"
    assert "trace_id" not in entry["details"]


def test_that_it_is_time_for_something_is_not_recorded(api: Api, env: Environment) -> None:
    event = an_event(
        type="com.botberi.shared_pruning.fallen_due.v1",
        source="/botberi/shared_psql",
        subject="prune_shared_psql",
        data={"schedule": "prune_shared_psql", "slot": "2026-01-01T00:00:00Z"},
    )
    assert api.deliver("record_audit", event).status_code == 200
    assert recorded(env, event["id"]) == []


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_entries set actor = 'x'",
        "update audit_entries set details = null, salt = null",
        "delete from audit_entries",
        "truncate audit_entries",
        "insert into audit_entries select * from audit_entries",
        "update audit_parties set party = 'x'",
        "delete from audit_queue",
        "insert into audit_seals values (1, 'x', '', '')",
        "update audit_seals set seq = 1",
        "delete from audit_anchors",
    ],
)
@pytest.mark.parametrize("role", ["admin", "subscribers", "worker", "user", "relay", "broker"])
def test_nobody_changes_what_is_recorded(env: Environment, statement: str, role: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), env.transaction("shared_psql", role) as db:
        db.execute(text(statement))
