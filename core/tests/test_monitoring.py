"""What relays and dispatchers show: whether they live, whether they are ready, and their figures."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from events.dispatcher import exposition as of_dispatcher
from events.relay import exposition as of_relay
from tools.harness import history
from tools.harness.path import DATABASE, RECEIVE_SOME, EventPath
from tools.harness.scrape import Watch

Eventually = Callable[..., Any]

ONLY_WITH_PROBES = {"botberi_relay_probe_seconds", "botberi_relay_probe_age_seconds"}


@pytest.fixture
def stopped(quiet_path: EventPath) -> Iterator[EventPath]:
    quiet_path.stop()
    yield quiet_path
    quiet_path.stop()


def started(path: EventPath, name: str, **environment: str) -> Watch:
    watch = Watch.on_a_free_port()
    path.start(name, **watch.settings, **environment)
    return watch


def is_in(watch: Watch, state: str) -> bool:
    return watch.value("botberi_relay_state", database=DATABASE, state=state) == 1


def test_a_relay_counts_what_it_does(stopped: EventPath, eventually: Eventually) -> None:
    relay = started(stopped, "relay")
    eventually(lambda: is_in(relay, "active"))
    stopped.emit("agt_1", "agt_2", "agt_3")
    eventually(lambda: relay.value("botberi_relay_confirmed_total") >= 3)
    assert relay.value("botberi_relay_published_total") == relay.value("botberi_relay_confirmed_total")
    eventually(lambda: relay.value("botberi_relay_cursor_saves_total") >= 1)
    eventually(lambda: relay.value("botberi_outbox_undelivered") == 0)
    assert relay.value("botberi_relay_epoch") >= 1


def test_a_relay_shows_everything_that_it_says_it_does(stopped: EventPath, eventually: Eventually) -> None:
    relay = started(stopped, "relay")
    eventually(lambda: relay.status("/metrics") == 200)
    assert of_relay.FAMILIES.keys() - relay.names() == ONLY_WITH_PROBES


def test_what_waits_and_its_age_are_shown_by_a_relay_that_cannot_publish(
    stopped: EventPath, eventually: Eventually
) -> None:
    relay = started(stopped, "relay", EVENT_BUS_URL="127.0.0.1:1/none")
    eventually(lambda: relay.status("/_/health") == 200)
    stopped.emit("agt_waits")
    assert relay.value("botberi_outbox_undelivered") >= 1
    assert 0 < relay.value("botberi_outbox_oldest_seconds") < 600
    assert relay.get("/_/ready") == (503, "not connected to both the database and event_bus\n")


def test_a_relay_that_stands_by_is_ready_and_takes_over(stopped: EventPath, eventually: Eventually) -> None:
    first = started(stopped, "relay")
    eventually(lambda: is_in(first, "active"))
    second = started(stopped, "relay-2")
    eventually(lambda: is_in(second, "standby"))
    assert (first.status("/_/ready"), second.status("/_/ready")) == (200, 200)
    epoch = second.value("botberi_relay_epoch")
    stopped.kill("relay", signal.SIGTERM)
    eventually(lambda: is_in(second, "active"))
    assert second.value("botberi_relay_epoch") > epoch


def test_what_was_under_way_when_the_connection_broke_counts_as_sent_again(
    stopped: EventPath, eventually: Eventually
) -> None:
    relay = started(stopped, "relay")
    stopped.emit("agt_0")
    eventually(lambda: is_in(relay, "active") and history.drained(stopped))
    with stopped.held_open() as session:
        # The cursor can't be saved, until the relay gives up and connects anew.
        session.run("lock table relay_cursor in share mode")
        stopped.emit("agt_1")
        eventually(lambda: relay.value("botberi_relay_resent_total") >= 1)
    eventually(lambda: is_in(relay, "active"))
    assert relay.value("botberi_relay_sessions_total") >= 2


def test_a_dispatcher_counts_calls_and_what_became_of_them(stopped: EventPath, eventually: Eventually) -> None:
    dispatcher = started(stopped, "dispatcher")
    started(stopped, "relay")
    stopped.recorder.answers[RECEIVE_SOME.function] = lambda event: 422 if event["subject"] == "agt_bad" else 200
    stopped.emit("agt_bad", "agt_good")

    def calls(verdict: str) -> float:
        return dispatcher.value("botberi_dispatcher_calls_total", subscription=RECEIVE_SOME.function, verdict=verdict)

    eventually(lambda: calls("dead") == 1 and calls("handled") >= 1)
    eventually(lambda: dispatcher.value("botberi_dispatcher_dead_letters_total", queue=RECEIVE_SOME.queue) == 1)
    assert dispatcher.value("botberi_dispatcher_call_seconds_count", subscription=RECEIVE_SOME.function) >= 2
    assert dispatcher.value("botberi_dispatcher_retries_total") == 0


def test_a_dispatcher_shows_everything_that_it_says_it_does(stopped: EventPath, eventually: Eventually) -> None:
    dispatcher = started(stopped, "dispatcher")
    started(stopped, "relay")
    stopped.emit("agt_1")
    eventually(lambda: dispatcher.value("botberi_dispatcher_calls_total") >= 1)
    histogram = {f"botberi_dispatcher_call_seconds{part}" for part in ("_bucket", "_sum", "_count")}
    assert of_dispatcher.FAMILIES.keys() - dispatcher.names() == {"botberi_dispatcher_call_seconds"}
    assert histogram <= dispatcher.names()


def test_a_dispatcher_without_its_broker_lives_and_is_not_ready(stopped: EventPath, eventually: Eventually) -> None:
    dispatcher = started(stopped, "dispatcher", EVENT_BUS_URL="127.0.0.1:1/none")
    eventually(lambda: dispatcher.status("/_/health") == 200)
    assert dispatcher.get("/_/ready") == (503, "not connected to event_bus\n")
    assert dispatcher.value("botberi_dispatcher_connected") == 0


def test_a_part_whose_port_is_taken_works_unseen(stopped: EventPath, eventually: Eventually) -> None:
    watch = started(stopped, "relay")
    eventually(lambda: is_in(watch, "active"))
    stopped.start("relay-2", **watch.settings)
    eventually(lambda: "nobody can watch" in stopped.log("relay-2") and "standing by" in stopped.log("relay-2"))
