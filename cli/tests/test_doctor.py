"""The doctor finds each problem that is planted, and names its remedy."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import pytest
from click.testing import CliRunner

from cli import checks
from cli.__main__ import botberi
from events.broker import bus
from events.catalog.schedules import SharedPruningFallenDue
from events.subscriptions import Subscription
from tools.harness.path import RECEIVE_ALL, RECEIVE_SOME, EventPath

Eventually = Callable[..., Any]
Problem = checks.Problem

QUEUE = RECEIVE_SOME.queue


@pytest.fixture
def patient(quiet_path: EventPath, monkeypatch: pytest.MonkeyPatch) -> EventPath:
    monkeypatch.setenv("SUBSCRIPTIONS", quiet_path.environment["SUBSCRIPTIONS"])
    quiet_path.subscribe(RECEIVE_ALL, RECEIVE_SOME)
    return quiet_path


@contextmanager
def planted(path: EventPath, wound: str, cure: str) -> Iterator[list[Problem]]:
    """Plant a problem in shared_psql and give what is found."""
    path.query(wound)
    try:
        yield list(checks.found())
    finally:
        path.query(cure)


def test_a_lease_that_nobody_holds_and_queues_that_nobody_consumes(patient: EventPath) -> None:
    found = list(checks.found())
    for database in ("user_psql", "shared_psql"):
        remedy = f"start `python -m events.relay {database}`"
        assert (bus.lease(database), "no relay holds this lease", remedy) in found
    assert any(where == QUEUE and "events.dispatcher" in remedy for where, _, remedy in found)
    assert patient.depth(QUEUE) == 0


def test_a_sequence_that_hands_out_numbers_in_blocks(patient: EventPath) -> None:
    cure = "alter table outbox alter seq set cache 1"
    with planted(patient, "alter table outbox alter seq set cache 50", cure) as found:
        assert ("shared_psql", "the outbox's sequence hands out numbers in blocks", cure) in found


def test_a_function_that_is_missing(patient: EventPath) -> None:
    wound, cure = "alter function wake_relay rename to rung_relay", "alter function rung_relay rename to wake_relay"
    with planted(patient, wound, cure) as found:
        remedy = "botberi migrate shared_psql"
        assert ("shared_psql", "the function wake_relay is missing", remedy) in found


def test_a_restored_database(patient: EventPath) -> None:
    wound = "update relay_cursor set system_identifier = system_identifier + 1"
    cure = "update relay_cursor set system_identifier = system_identifier - 1"
    with planted(patient, wound, cure) as found:
        assert "botberi events cursor rebase --database shared_psql SEQ" in [remedy for _, _, remedy in found]


@pytest.mark.usefixtures("patient")
def test_a_clock_that_differs() -> None:
    found = list(checks.found(lambda: time.time() + 60))
    told = [what for where, what, remedy in found if (where, remedy) == ("shared_psql", "run NTP on both")]
    # A second or two may pass while it asks.
    assert told
    assert 50 <= int(told[0].split()[3]) <= 60


def test_a_transaction_that_holds_back_the_oldest(patient: EventPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "OLD", 0)
    with patient.held_open():
        found = list(checks.found())
    assert any("transaction of held" in what and "pg_terminate_backend" in remedy for _, what, remedy in found)


def test_a_prepared_transaction_that_nobody_ends(patient: EventPath, monkeypatch: pytest.MonkeyPatch) -> None:
    if patient.as_superuser("show max_prepared_transactions") == [["0"]]:
        pytest.skip("this server prepares no transactions")
    monkeypatch.setattr(checks, "OLD", 0)
    with patient.held_open() as session:
        session.run("prepare transaction 'left open'")
        found = list(checks.found())
        session.run("rollback prepared 'left open'")
    remedy = "commit prepared or rollback prepared 'left open'"
    assert ("shared_psql", "the prepared transaction left open is open", remedy) in found


def test_a_slot_of_a_standby_that_is_no_more(patient: EventPath) -> None:
    if patient.as_superuser("show wal_level") == [["minimal"]]:
        pytest.skip("this server can have no standby")
    patient.as_superuser("select pg_create_physical_replication_slot('left_over', true)")
    try:
        assert any("left_over" in remedy for _, _, remedy in checks.found())
    finally:
        patient.as_superuser("select pg_drop_replication_slot('left_over')")


@pytest.mark.parametrize(
    ("queue", "what"),
    [(QUEUE, "the queue is missing"), (bus.dead(QUEUE), "the dead-letter queue is missing")],
)
def test_a_queue_that_is_missing(patient: EventPath, queue: str, what: str) -> None:
    with patient.broker() as connection:
        connection.channel().queue_delete(queue)
    assert (queue, what, "botberi topology") in list(checks.found())


def test_an_exchange_that_is_missing(patient: EventPath) -> None:
    with patient.broker() as connection:
        connection.channel().exchange_delete(bus.EXCHANGE)
    found = list(checks.found())
    assert (bus.EXCHANGE, "the exchange is missing", "botberi topology") in found


def test_an_exchange_of_another_kind(patient: EventPath) -> None:
    with patient.broker() as connection:
        connection.channel().exchange_delete(bus.EXCHANGE)
        connection.channel().exchange_declare(bus.EXCHANGE, "fanout", durable=True)
        found = list(checks.found())
        connection.channel().exchange_delete(bus.EXCHANGE)
    assert (bus.EXCHANGE, "the exchange is of another kind", "delete it, then botberi topology") in found


def test_a_binding_that_is_missing_and_one_too_many(patient: EventPath) -> None:
    [key] = RECEIVE_SOME.types
    with patient.broker() as connection:
        connection.channel().queue_unbind(QUEUE, bus.EXCHANGE, key)
        connection.channel().queue_bind(QUEUE, bus.EXCHANGE, "com.botberi.thing.gone.v1")
    found = list(checks.found())
    assert (QUEUE, f"it is not bound to {key} of {bus.EXCHANGE}", checks.TOPOLOGIST) in found
    assert (QUEUE, "it receives com.botberi.thing.gone.v1, which its subscriber doesn't", checks.TOPOLOGIST) in found


@pytest.mark.parametrize("arguments", [{}, {"x-queue-type": "quorum", "x-single-active-consumer": True}])
def test_a_queue_of_another_type_or_with_other_arguments(patient: EventPath, arguments: dict[str, Any]) -> None:
    with patient.broker() as connection:
        connection.channel().queue_delete(QUEUE)
        connection.channel().queue_declare(QUEUE, durable=True, arguments=arguments)
        found = list(checks.found())
        connection.channel().queue_delete(QUEUE)
    assert QUEUE in [where for where, what, _ in found if "other arguments" in what]


def test_a_queue_of_a_subscription_that_is_gone(patient: EventPath) -> None:
    patient.subscribe(RECEIVE_ALL)
    found = list(checks.found())
    assert (QUEUE, "it belongs to no subscription any more", f"{checks.TOPOLOGIST} --delete-gone") in found


def test_a_slot_that_was_not_fired(patient: EventPath) -> None:
    yearly = Subscription("yearly", "botberi.yearly", (SharedPruningFallenDue.type,), schedule="0 0 1 1 *")
    (patient.folder / "subscriptions.json").write_text(json.dumps([asdict(yearly)]))
    found = list(checks.found())
    assert any(where == "yearly" and "events.dispatcher" in remedy for where, _, remedy in found)


def test_a_subject_that_fails_for_long(patient: EventPath) -> None:
    wound = f"insert into deferred_subjects values ('{QUEUE}', 's', 1, now(), null, now() - interval '1 hour')"
    with planted(patient, wound, "delete from deferred_subjects") as found:
        assert any(where == QUEUE and "1 subjects fail" in what for where, what, _ in found)


def test_nobody_to_ask(monkeypatch: pytest.MonkeyPatch, patient: EventPath) -> None:
    monkeypatch.setenv("EVENT_BUS_MANAGEMENT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("USER_PSQL_URL", "127.0.0.1:9/x")
    found = {where: remedy for where, _, remedy in checks.found()}
    assert found["event_bus"] == "see EVENT_BUS_MANAGEMENT_URL"
    assert "USER_PSQL_URL" in found["user_psql"]
    monkeypatch.setenv("EVENT_BUS_URL", "127.0.0.1:9/x")
    assert {where: remedy for where, _, remedy in checks.found()}["event_bus"].startswith("start RabbitMQ")
    assert patient.processes == {}


def test_the_command_prints_what_is_wrong_and_exits_with_one(patient: EventPath) -> None:
    done = CliRunner().invoke(botberi, ["events", "doctor"])
    assert done.exit_code == 1
    assert f"{bus.lease('user_psql')}" in done.output
    assert patient.processes == {}


def test_where_everything_runs_nothing_is_wrong(patient: EventPath, eventually: Eventually) -> None:
    patient.subscribe(RECEIVE_ALL, replace(RECEIVE_SOME, schedule=""))
    patient.start("relay")
    patient.start("dispatcher")
    try:
        # The path of these tests has no relay for the other database.
        eventually(lambda: {where for where, _, _ in checks.found()} <= {bus.lease("user_psql")})
    finally:
        patient.stop()
