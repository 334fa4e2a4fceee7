"""Events from a commit to the functions that subscribe to them."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from events import envelope
from events.catalog.agents import AgentCreated
from events.outbox import emit
from events.wire import CONTENT_TYPE
from migrations.databases import connect
from tools.harness.path import RECEIVE_ALL, EventPath

Eventually = Callable[..., Any]

RECEIVED = RECEIVE_ALL.function


def test_a_committed_event_reaches_every_subscriber_whole(path: EventPath, eventually: Eventually) -> None:
    [event_id] = path.emit("agt_whole")
    eventually(lambda: path.recorder.found("receive-some", event_id))
    event = eventually(lambda: path.recorder.found(RECEIVED, event_id))
    assert (event["source"], event["type"]) == ("/botberi/shared_psql", AgentCreated.type)
    assert event["data"] == {"agent_id": "agt_whole", "slug": "n0"}
    assert event["subject"] == event["partitionkey"] == "agt_whole"
    assert event["dataschema"] == envelope.dataschema(AgentCreated, envelope.api())
    sent = next(each for each in path.recorder.headers if each.get("traceparent") == event["traceparent"])
    assert sent["Content-Type"] == CONTENT_TYPE


def test_a_subject_with_backslashes_arrives_as_it_was(path: EventPath, eventually: Eventually) -> None:
    subject = "agt_\\back\\\\slash\\"
    [event_id] = path.emit(subject)
    event = eventually(lambda: path.recorder.found(RECEIVED, event_id))
    assert event["subject"] == event["partitionkey"] == event["data"]["agent_id"] == subject


def test_what_is_rolled_back_is_never_received(path: EventPath, eventually: Eventually) -> None:
    with connect("shared_psql", "admin").connect() as db, db.begin() as transaction:
        emit(db, AgentCreated(agent_id="agt_phantom", slug="x"))
        transaction.rollback()
    path.emit("agt_real")
    eventually(lambda: "agt_real" in path.recorder.subjects(RECEIVED))
    assert "agt_phantom" not in path.recorder.subjects(RECEIVED)


def test_sql_can_speak_too(path: EventPath, eventually: Eventually) -> None:
    sql = """select emit_event('com.botberi.agent.created.v1', 'agt_sql', '{"agent_id": "agt_sql", "slug": "s"}')"""
    [[event_id]] = path.query(sql, role="admin")
    assert eventually(lambda: path.recorder.found(RECEIVED, event_id))["subject"] == "agt_sql"


def test_one_subject_keeps_its_order_over_many_transactions(path: EventPath, eventually: Eventually) -> None:
    ids = path.emit(*(f"agt_{number % 5}" for number in range(300)))
    eventually(lambda: len(path.recorder.received(RECEIVED, ids)) == 300)
    for subject in range(5):
        assert path.recorder.received(RECEIVED, ids[subject::5]) == ids[subject::5]


def test_a_transaction_that_commits_late_holds_nobody_up_and_is_not_lost(
    path: EventPath, eventually: Eventually
) -> None:
    with connect("shared_psql", "admin").connect() as slow:
        late = emit(slow, AgentCreated(agent_id="agt_slow", slug="x"))
        [fast] = path.emit("agt_fast")
        eventually(lambda: path.recorder.received(RECEIVED, [late, fast]) == [fast])
        slow.commit()
    eventually(lambda: path.recorder.received(RECEIVED, [late, fast]) == [fast, late])


def test_a_hundred_thousand_bytes_go_by_reference(path: EventPath, eventually: Eventually) -> None:
    path.emit("agt_" + "x" * 10)
    with connect("shared_psql", "admin").begin() as db:
        event_id = emit(db, AgentCreated(agent_id="agt_large", slug="x" * 100_000))
    eventually(lambda: "agt_large" in path.recorder.subjects(RECEIVED))
    event = next(each for each in path.recorder.handled[RECEIVED] if each["subject"] == "agt_large")
    assert "data" not in event
    assert event["dataref"] == f"/botberi/shared_psql/bodies/{event_id}"
    [[body]] = path.query("select event_body(:source, :id)", role="subscribers", source=event["source"], id=event_id)
    assert '"slug": "xxx' in body


@pytest.mark.parametrize(
    ("source", "database"),
    [("/botberi/user_psql", "user_psql"), ("/example/crm", "shared_psql"), (None, "shared_psql")],
)
def test_a_body_is_where_the_event_was_first_written(
    path: EventPath, eventually: Eventually, source: str | None, database: str
) -> None:
    sql = """insert into outbox (id, source, type, subject, partitionkey, actor)
             values (:id, :source, :type, 'agt_1', 'agt_1', 'system')"""
    event_id = new_id("evt")
    path.query(sql, id=event_id, source=source, type=AgentCreated.type)
    event = eventually(lambda: path.recorder.found(RECEIVED, event_id))
    assert event["dataref"] == f"/botberi/{database}/bodies/{event_id}"


def test_events_are_delivered_though_every_notification_is_swallowed(path: EventPath, eventually: Eventually) -> None:
    [[ringing]] = path.query("select pg_get_functiondef('emit_event'::regproc)")
    quiet = ringing.replace("notify botberi_outbox;", "null;")
    assert quiet != ringing
    path.query(quiet)
    try:
        path.emit("agt_unrung")
        eventually(lambda: "agt_unrung" in path.recorder.subjects(RECEIVED))
    finally:
        path.query(ringing)


def test_ten_thousand_events_of_one_transaction_arrive(path: EventPath, eventually: Eventually) -> None:
    sql = """select count(emit_event('com.botberi.agent.created.v1', 'agt_many_' || n % 50,
                                     jsonb_build_object('agent_id', 'agt_many_' || n % 50, 'slug', 'n' || n)))
             from generate_series(1, 10000) n"""
    path.query(sql)
    of_many = "agt_many_"
    received = path.recorder.handled["receive-some"]
    eventually(lambda: sum(each["subject"].startswith(of_many) for each in received) == 10_000, seconds=300)
    assert len({each["id"] for each in received if each["subject"].startswith(of_many)}) == 10_000


@pytest.mark.usefixtures("env")
def test_the_outbox_can_be_written_by_no_part_but_through_its_door() -> None:
    for role in ("user", "admin", "broker", "subscribers", "worker", "relay"):
        with connect("shared_psql", role).connect() as db:
            allowed = db.scalar(text("select has_table_privilege('outbox', 'insert, update, delete')"))
        assert not allowed
