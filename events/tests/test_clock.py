"""Schedules fire once for each slot, whoever looks, whoever is killed, and however long nobody was there."""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from events.catalog.schedules import SharedPruningFallenDue
from events.dispatcher.clock import Clock
from events.schedules import Schedule
from events.subscriptions import Subscription
from tools.harness.path import EventPath

Eventually = Callable[..., Any]

TYPE = SharedPruningFallenDue.type
EVERY_MINUTE = Subscription("every-minute", "botberi.every-minute", (TYPE,), 2, schedule="* * * * *")
NOON = datetime.fromisoformat("2026-05-01T12:00:00+00:00")


@pytest.fixture
def ticking(quiet_path: EventPath) -> Iterator[EventPath]:
    quiet_path.stop()
    quiet_path.query("delete from cron_slots")
    quiet_path.subscribe(EVERY_MINUTE)
    yield quiet_path
    quiet_path.stop()


@pytest.fixture
def fired(ticking: EventPath) -> Callable[[], list[str]]:
    [[start]] = ticking.query("select coalesce(max(seq), 0) from outbox")
    sql = f"select data->>'slot' from outbox where type = '{TYPE}' and seq > :start order by seq"
    return lambda: [slot for [slot] in ticking.query(sql, start=start)]


def look(moment: datetime, expression: str = "*/5 * * * *") -> tuple[float, int]:
    """Let a clock look at a moment; return for how long it would wait, and how many slots it fired."""
    with closing(Clock([Schedule("prune", TYPE, expression, "UTC")], threading.Event())) as clock:
        return clock.look(moment), clock.fired


@pytest.mark.usefixtures("ticking")
def test_a_new_schedule_makes_up_for_nothing(fired: Callable[[], list[str]]) -> None:
    assert look(NOON + timedelta(seconds=290)) == (10, 0)
    assert fired() == []


def test_a_slot_is_fired_once_by_two_that_look_at_it_at_once(
    ticking: EventPath, fired: Callable[[], list[str]]
) -> None:
    look(NOON)
    with ThreadPoolExecutor(2) as pool:
        counts = [count for _, count in pool.map(look, [NOON + timedelta(minutes=5)] * 2)]
    assert fired() == ["2026-05-01T12:05:00Z"]
    assert sorted(counts) == [0, 1]
    assert ticking.query("select count(*) from cron_slots where fired is not null") == [(1,)]


@pytest.mark.usefixtures("ticking")
def test_after_a_gap_the_latest_slot_is_made_up_for(fired: Callable[[], list[str]]) -> None:
    look(NOON)
    look(NOON + timedelta(hours=3, minutes=1))
    look(NOON + timedelta(hours=3, minutes=2))
    # Whoever comes late with an older slot finds it done.
    look(NOON + timedelta(minutes=10))
    assert fired() == ["2026-05-01T15:00:00Z"]


@pytest.mark.usefixtures("ticking")
def test_a_clock_that_is_ahead_of_the_databases_waits(fired: Callable[[], list[str]]) -> None:
    assert look(datetime.fromisoformat("2999-01-01T00:30:00+00:00"), "0 * * * *") == (1.0, 0)
    assert fired() == []


@pytest.mark.parametrize(("place", "before"), [("clock.fire", 0), ("clock.fired", 1)])
def test_what_the_killed_one_did_not_fire_another_does(
    ticking: EventPath, eventually: Eventually, fired: Callable[[], list[str]], place: str, before: int
) -> None:
    ticking.query("insert into cron_slots (schedule, slot) values ('every-minute', now() - interval '1 hour')")
    victim = ticking.start("dispatcher", BOTBERI_FAILPOINT=place)
    eventually(lambda: not victim.alive)
    assert (victim.process.returncode, len(fired())) == (-signal.SIGKILL, before)
    ticking.start("dispatcher-2")
    eventually(lambda: "connected to event_bus" in ticking.log("dispatcher-2"))
    eventually(fired)
    slots = fired()
    assert len(slots) == len(set(slots)) > 0


def test_the_event_of_a_slot_is_delivered_like_any_other(ticking: EventPath, eventually: Eventually) -> None:
    ticking.query("insert into cron_slots (schedule, slot) values ('every-minute', now() - interval '1 hour')")
    ticking.start("relay")
    ticking.start("dispatcher")
    eventually(lambda: "every-minute" in ticking.recorder.subjects("every-minute"))
    event = next(each for each in ticking.recorder.handled["every-minute"] if each["subject"] == "every-minute")
    assert (event["type"], event["data"]["schedule"]) == (TYPE, "every-minute")
    assert datetime.fromisoformat(event["data"]["slot"]).second == 0


def test_cron_only_fires_without_rabbitmq(
    ticking: EventPath, eventually: Eventually, fired: Callable[[], list[str]]
) -> None:
    ticking.query("insert into cron_slots (schedule, slot) values ('every-minute', now() - interval '1 hour')")
    ticking.start("dispatcher", "--cron-only", EVENT_BUS_URL="127.0.0.1:9/none")
    eventually(fired)
    assert ticking.kill("dispatcher", signal.SIGTERM) == 0
