"""A subject that fails holds up nobody else, however many of its events there are, and keeps its order all the same."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from events.subscriptions import Subscription
from tools.harness.path import EventPath

Eventually = Callable[..., Any]

PATIENT = Subscription("patient", "botberi.patient", ("#",), 1, 4, 10_000, 0.05, 0.5)
RECEIVED = PATIENT.function

BACKLOG = """
select emit_event('com.botberi.agent.created.v1', :subject,
                  jsonb_build_object('agent_id', cast(:subject as text), 'slug', 'n' || n))
from generate_series(cast(:first as integer), cast(:last as integer)) n
"""


@pytest.fixture
def retry_store(quiet_path: EventPath) -> EventPath:
    quiet_path.stop()
    quiet_path.subscribe(PATIENT)
    quiet_path.start("relay")
    quiet_path.start("dispatcher")
    return quiet_path


def backlog(path: EventPath, subject: str, last: int, first: int = 1) -> None:
    path.query(BACKLOG, subject=subject, first=first, last=last)


def slugs(path: EventPath, subject: str) -> list[str]:
    """Return what was handled of a subject, each at its first time."""
    handled = [each["data"]["slug"] for each in path.recorder.handled[RECEIVED] if each["subject"] == subject]
    return list(dict.fromkeys(handled))


def in_the_retry_store(path: EventPath) -> int:
    [[count]] = path.query("select count(*) from deferred_events where queue = :queue", queue=PATIENT.queue)
    return int(count)


def test_five_thousand_events_of_a_subject_that_fails_hold_up_nobody(
    retry_store: EventPath, eventually: Eventually
) -> None:
    retry_store.recorder.answers[RECEIVED] = lambda event: 503 if event["subject"] == "agt_ill" else 200
    backlog(retry_store, "agt_ill", 5_000)
    well = retry_store.emit(*(f"agt_well_{number}" for number in range(20)))
    eventually(lambda: sorted(retry_store.recorder.received(RECEIVED, well)) == sorted(well))
    assert slugs(retry_store, "agt_ill") == []
    retry_store.recorder.answers.clear()
    eventually(lambda: len(slugs(retry_store, "agt_ill")) == 5_000, seconds=300)
    assert slugs(retry_store, "agt_ill") == [f"n{number}" for number in range(1, 5_001)]
    eventually(lambda: in_the_retry_store(retry_store) == 0)
    assert retry_store.query("select * from deferred_subjects") == []


def test_what_comes_of_a_subject_on_the_retry_store_follows_the_rest_of_it(
    retry_store: EventPath, eventually: Eventually
) -> None:
    retry_store.recorder.answers[RECEIVED] = lambda _: 503
    backlog(retry_store, "agt_ill", 400)
    eventually(lambda: in_the_retry_store(retry_store) >= 128)
    backlog(retry_store, "agt_ill", 600, first=401)
    eventually(lambda: in_the_retry_store(retry_store) == 600)
    retry_store.recorder.answers.clear()
    backlog(retry_store, "agt_ill", 1_000, first=601)
    eventually(lambda: len(slugs(retry_store, "agt_ill")) == 1_000)
    assert slugs(retry_store, "agt_ill") == [f"n{number}" for number in range(1, 1_001)]


def test_more_subjects_that_fail_than_fit_the_window_hold_up_nobody(
    retry_store: EventPath, eventually: Eventually
) -> None:
    retry_store.recorder.answers[RECEIVED] = lambda event: 503 if event["subject"].startswith("agt_ill") else 200
    retry_store.emit(*(f"agt_ill_{number}" for number in range(400)))
    well = retry_store.emit(*(f"agt_well_{number}" for number in range(5)))
    eventually(lambda: sorted(retry_store.recorder.received(RECEIVED, well)) == sorted(well))
    retry_store.recorder.answers.clear()
    eventually(lambda: len(set(retry_store.recorder.subjects(RECEIVED))) == 405)


@pytest.mark.parametrize(
    "place", ["retry_store.store", "retry_store.stored:2", "retry_store.save", "retry_store.saved:3"]
)
def test_a_dispatcher_killed_at_the_retry_store_loses_and_inverts_nothing(
    retry_store: EventPath, eventually: Eventually, place: str
) -> None:
    retry_store.kill("dispatcher", signal.SIGTERM)
    retry_store.recorder.answers[RECEIVED] = lambda _: 503
    victim = retry_store.start("dispatcher", BOTBERI_FAILPOINT=place)
    backlog(retry_store, "agt_ill", 300)
    eventually(lambda: not victim.alive)
    retry_store.recorder.answers.clear()
    retry_store.start("dispatcher-2")
    eventually(lambda: len(slugs(retry_store, "agt_ill")) == 300)
    assert slugs(retry_store, "agt_ill") == [f"n{number}" for number in range(1, 301)]
    eventually(lambda: retry_store.query("select * from deferred_subjects") == [])


def test_what_dies_on_the_retry_store_is_a_dead_letter_and_the_rest_goes_on(
    retry_store: EventPath, eventually: Eventually
) -> None:
    retry_store.recorder.answers[RECEIVED] = lambda _: 503
    backlog(retry_store, "agt_ill", 300)
    eventually(lambda: in_the_retry_store(retry_store) == 300)
    retry_store.recorder.answers[RECEIVED] = lambda event: 422 if event["data"]["slug"] == "n7" else 200
    eventually(lambda: len(slugs(retry_store, "agt_ill")) == 299)
    dead_letters = retry_store.query(
        "select reason, event::jsonb->'data'->>'slug' from dead_letters where subject = 'agt_ill'"
    )
    assert dead_letters == [("refused", "n7")]
