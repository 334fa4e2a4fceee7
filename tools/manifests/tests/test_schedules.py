"""Every schedule that a subscriber declares can be understood, and its event is nobody else's."""

from collections import Counter
from datetime import UTC, datetime

from events.dispatcher.clock import schedules_of
from events.schedules import Schedule
from events.subscriptions import Subscription, read
from functions.runtime import functions
from provisioning.local_settings import ROOT


def scheduled() -> list[Subscription]:
    return [each for each in read(ROOT / "deploy/subscriptions.json") if each.schedule]


def test_every_declared_schedule_is_in_the_file_and_due_some_time() -> None:
    declared = {each.deployment for each in functions.declarations() if each.schedule}
    assert declared == {each.function for each in scheduled()} >= {"prune-user-psql", "prune-shared-psql"}
    now = datetime.now(UTC)
    assert all(schedule.around(now)[1] > now for schedule in schedules_of(scheduled()))


def test_no_two_schedules_share_an_event() -> None:
    assert set(Counter(each.types for each in scheduled()).values()) == {1}
    assert all(isinstance(each, Schedule) for each in schedules_of(scheduled()))
