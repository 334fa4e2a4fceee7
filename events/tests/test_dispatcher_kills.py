"""Kill the dispatcher where it hurts: everything is brought again, in order, and nothing counts twice."""

import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from events.broker.bus import dead
from events.tests.orders import Listener, order, send
from events.wire import BATCH_CONTENT_TYPE
from tools.harness.path import RECEIVE_ALL, RECEIVE_SOME, EventPath

Eventually = Callable[..., Any]

RECEIVED = RECEIVE_SOME.function


@pytest.fixture
def published(quiet_path: EventPath) -> EventPath:
    """The path with a relay and no dispatcher."""
    quiet_path.stop()
    shutil.rmtree(quiet_path.folder / "logs", ignore_errors=True)
    quiet_path.subscribe(RECEIVE_ALL, RECEIVE_SOME)
    quiet_path.purge(dead(RECEIVE_SOME.queue))
    quiet_path.query("delete from dead_letters; delete from inbox")
    quiet_path.start("relay")
    return quiet_path


def in_its_place(path: EventPath, eventually: Eventually) -> None:
    """Wait for the end of the dispatcher that is to die, and start another."""
    victim = path.processes["dispatcher"]
    eventually(lambda: not victim.alive)
    assert victim.process.returncode == -signal.SIGKILL
    path.start("dispatcher-2")


def test_what_was_handled_and_not_settled_is_brought_again_in_order(
    published: EventPath, eventually: Eventually
) -> None:
    published.start("dispatcher", BOTBERI_FAILPOINT="dispatcher.settle:7")
    ids = published.emit(*["agt_1", "agt_2"] * 20)
    in_its_place(published, eventually)
    eventually(lambda: set(published.recorder.received(RECEIVED, ids)) == set(ids))
    received = list(dict.fromkeys(published.recorder.received(RECEIVED, ids)))
    assert [each for each in received if each in ids[::2]] == ids[::2]
    assert [each for each in received if each in ids[1::2]] == ids[1::2]


def test_what_came_by_one_call_and_was_not_settled_is_brought_again_in_order(
    published: EventPath, eventually: Eventually
) -> None:
    published.subscribe(RECEIVE_ALL, replace(RECEIVE_SOME, batch=20))
    poison = "agt_poison"
    published.recorder.answers[RECEIVED] = lambda event: 422 if event["subject"] == poison else 200
    published.start("dispatcher", BOTBERI_FAILPOINT="dispatcher.settle:7")
    ids = published.emit(*["agt_1", "agt_2", poison, "agt_1"] * 25)
    in_its_place(published, eventually)
    well = [each for number, each in enumerate(ids) if number % 4 != 2]
    eventually(lambda: set(published.recorder.received(RECEIVED, ids)) == set(well))
    received = list(dict.fromkeys(published.recorder.received(RECEIVED, ids)))
    assert [each for each in received if each in ids[1::4]] == ids[1::4]
    assert [each for each in received if each not in ids[1::4]] == [each for each in well if each not in ids[1::4]]
    sql = "select count(distinct event_id) from dead_letters where queue = :queue"
    eventually(lambda: published.query(sql, queue=RECEIVE_SOME.queue) == [(25,)])
    assert any(each["Content-Type"] == BATCH_CONTENT_TYPE for each in published.recorder.headers)


def test_a_dead_letter_that_was_written_and_not_settled_is_one_row(
    published: EventPath, eventually: Eventually
) -> None:
    published.recorder.answers[RECEIVED] = lambda _: 422
    published.start("dispatcher", BOTBERI_FAILPOINT="dead_letters.written")
    [event_id] = published.emit("agt_dead")
    in_its_place(published, eventually)
    eventually(lambda: published.depth(dead(RECEIVE_SOME.queue)) == 0)
    assert published.query("select event_id from dead_letters where queue = :q", q=RECEIVE_SOME.queue) == [(event_id,)]


def test_what_was_notified_and_not_settled_is_notified_once(
    published: EventPath, listener: Listener, eventually: Eventually
) -> None:
    published.start("dispatcher", BOTBERI_FAILPOINT="notifier.committed")
    send(published, order(1), order(2))
    in_its_place(published, eventually)
    send(published, order("last"))
    eventually(lambda: "order-last" in [event["id"] for event in listener.listen()])
    assert [event["id"] for event in listener.received] == ["order-1", "order-2", "order-last"]


def test_another_dispatcher_takes_over_and_keeps_the_order(published: EventPath, eventually: Eventually) -> None:
    for name in ("dispatcher-1", "dispatcher-2"):
        published.start(name)
    ids = published.emit(*["agt_1"] * 50)
    eventually(lambda: published.recorder.received(RECEIVED, ids))
    published.kill("dispatcher-1")
    more = published.emit(*["agt_1"] * 50, start=50)
    eventually(lambda: published.recorder.received(RECEIVED, more)[-1:] == more[-1:])
    assert list(dict.fromkeys(published.recorder.received(RECEIVED, ids + more))) == ids + more
