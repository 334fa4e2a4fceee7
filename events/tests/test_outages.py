"""Take away RabbitMQ, Postgres or single connections under load: everything is delivered when they are back."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from core.postgres.errors import DatabaseError
from core.postgres.session import Session
from events.subscriptions import Subscription
from tools.harness import history
from tools.harness import path as paths
from tools.harness.outages import PrivateServers, private_servers
from tools.harness.path import DATABASE, EventPath

Eventually = Callable[..., Any]

HISTORY = Subscription("history", "botberi.history", ("#",))


@pytest.fixture(scope="module")
def servers() -> Iterator[PrivateServers]:
    with private_servers() as made:
        yield made


@pytest.fixture(scope="module")
def path_here(servers: PrivateServers) -> Iterator[EventPath]:
    with paths.running(servers.run / "path", servers.environment) as made:
        made.subscribe(HISTORY)
        # RabbitMQ 3.10 loses the vote of a queue that was made seconds before a kill, and then never serves it again.
        servers.stop_broker()
        servers.start_broker()
        made.start("relay")
        yield made


@pytest.fixture
def written(path_here: EventPath, eventually: Eventually) -> EventPath:
    eventually(lambda: path_here.query("select holder <> '' from relay_cursor") == [(True,)])
    path_here.query("drop table if exists history, subjects")
    return path_here


def assert_whole(path: EventPath, eventually: Eventually) -> history.Verdict:
    eventually(lambda: history.drained(path))
    verdict = history.judge(history.committed(path), history.delivered(path, HISTORY.queue))
    assert (verdict.lost, verdict.phantom, verdict.inverted) == (0, 0, 0)
    assert verdict.committed > 500
    assert path.processes["relay"].alive
    return verdict


@pytest.mark.parametrize("end", [PrivateServers.kill_broker, PrivateServers.stop_broker], ids=["killed", "stopped"])
def test_a_broker_that_is_started_again_loses_nothing(
    written: EventPath, servers: PrivateServers, eventually: Eventually, end: Callable[[PrivateServers], None]
) -> None:
    with history.writing():
        end(servers)
        servers.start_broker()
    assert_whole(written, eventually)


def test_connections_that_the_broker_closes_lose_nothing(
    written: EventPath, servers: PrivateServers, eventually: Eventually
) -> None:
    with history.writing():
        eventually(lambda: servers.close_connections("botberi_relay"))
    assert_whole(written, eventually)


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_database_that_restarts_loses_nothing(
    written: EventPath, servers: PrivateServers, eventually: Eventually, way: signal.Signals
) -> None:
    with history.writing():
        servers.stop_database(way)
        servers.start_database()
    assert_whole(written, eventually)


def test_backends_that_are_terminated_lose_nothing(written: EventPath, eventually: Eventually) -> None:
    with history.writing():
        for name in ("botberi-relay", "botberi-relay-wake-up", "botberi-relay-awake-lock"):
            eventually(partial(written.terminate, name))
    assert_whole(written, eventually)


def test_events_are_delivered_though_the_notification_is_cut_off(written: EventPath, eventually: Eventually) -> None:
    eventually(lambda: written.terminate("botberi-relay-wake-up"))
    ids = written.emit("agt_1", "agt_2")
    eventually(lambda: written.depth(HISTORY.queue) == len(ids))
    written.purge(HISTORY.queue)


def test_an_old_transaction_stalls_nobody(written: EventPath, eventually: Eventually) -> None:
    with written.held_open():
        written.emit("agt_1")
        eventually(lambda: written.depth(HISTORY.queue) == 1)
    written.purge(HISTORY.queue)


def test_a_transaction_held_open_is_delivered_when_it_commits(written: EventPath, eventually: Eventually) -> None:
    with written.held_open() as held:
        held.run("select emit_event('com.botberi.agent.created.v1', 'agt_held', '{}')")
        written.emit("agt_after")
        eventually(lambda: written.depth(HISTORY.queue) == 1)
        held.run("commit")
    eventually(lambda: written.depth(HISTORY.queue) == 2)
    written.purge(HISTORY.queue)


def test_a_memory_alarm_holds_events_back_and_loses_none(
    written: EventPath, servers: PrivateServers, eventually: Eventually
) -> None:
    servers.control("set_vm_memory_high_watermark", "0.00001")
    with history.writing(each=200):
        eventually(lambda: "has stopped" in written.log("relay"))
    servers.control("set_vm_memory_high_watermark", "0.4")
    assert_whole(written, eventually)


def test_a_full_queue_holds_events_back_and_loses_none(
    written: EventPath, servers: PrivateServers, eventually: Eventually
) -> None:
    servers.fill(HISTORY.queue, 50)
    with history.writing(each=200):
        eventually(lambda: "nack" in written.log("relay"))
    servers.fill(HISTORY.queue, 0)
    assert_whole(written, eventually)


def test_a_prepared_transaction_stalls_nobody_and_is_delivered(written: EventPath, eventually: Eventually) -> None:
    with closing(Session(DATABASE, "migrator", name="prepared")) as session:
        # One that notifies can't be prepared: NOTIFY belongs to its session. So the relay has to be awake.
        with history.writing(each=200):
            eventually(lambda: prepared(session))
        eventually(lambda: history.drained(written))
        session.run("commit prepared 'held'")
    assert_whole(written, eventually)


def prepared(session: Session) -> bool:
    session.run("begin")
    try:
        session.run("call write_history('agt_prepared')")
        session.run("prepare transaction 'held'")
    except DatabaseError:
        session.run("rollback")
        return False
    return True
