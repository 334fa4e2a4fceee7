"""The audit trail: everything once, unchanged, and by nobody to be changed."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from core.ids import new_id
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
    with env.transaction("shared_psql", "admin") as db:
        rows = db.execute(text("select * from audit where event_id = :id"), {"id": event_id})
        return [dict(row) for row in rows.mappings()]


def test_an_event_delivered_twice_is_one_entry_with_everything_in_it(api: Api, env: Environment) -> None:
    event = an_event()
    assert [api.deliver("record_audit", event).status_code for _ in range(2)] == [200, 200]
    [entry] = recorded(env, event["id"])
    assert (entry["actor"], entry["subject"], entry["data"]) == ("usr_2", "usr_1", event["data"])
    assert entry["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert entry["happened_at"].isoformat() == "2026-01-01T00:00:00.500000+00:00"


def test_events_of_types_that_nobody_knows_are_recorded_too(api: Api, env: Environment) -> None:
    event = an_event(type="org.example.tested.v1", traceparent="broken", data={"any": ["thing"]})
    assert api.deliver("record_audit", event).status_code == 200
    [entry] = recorded(env, event["id"])
    assert (entry["type"], entry["trace_id"]) == ("org.example.tested.v1", None)


@pytest.mark.parametrize("statement", ["update audit set actor = 'x'", "delete from audit", "truncate audit"])
@pytest.mark.parametrize("role", ["admin", "subscribers", "worker", "user", "relay", "broker"])
def test_nobody_changes_what_is_recorded(env: Environment, statement: str, role: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), env.transaction("shared_psql", role) as db:
        db.execute(text(statement))
