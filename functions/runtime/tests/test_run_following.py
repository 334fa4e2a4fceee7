"""Runs that several responses of a process follow: by hints of Redis, and without them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from functions.domain.databases import SharedDb
from functions.domain.runs.reading import RunNotFound
from functions.runtime import run_following
from functions.runtime.databases import shared_transaction
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.run_following import AT_ONCE, KEPT, FollowedRun, followed
from functions.runtime.run_hints import PREFIX
from functions.services.realtime.tests.played_runs import PlayedRun
from shared_psql_models.runs import RunEvent
from testing.environment import Environment
from tools.local.wait import until


class Looks:
    """Opens transactions, and counts them."""

    def __init__(self) -> None:
        self.number = 0
        self.transactions = RunTransactions(self._open, "user", read_only=True)

    @contextmanager
    def _open(self, role: str, *, read_only: bool) -> Iterator[SharedDb]:
        self.number += 1
        with shared_transaction(role, read_only=read_only) as db:
            yield db


@pytest.fixture
def looks(env: Environment) -> Looks:
    assert env.ports.shared_psql
    return Looks()


@pytest.fixture
def run(env: Environment) -> PlayedRun:
    return PlayedRun(env.redis())


Following = Callable[[FollowedRun, Callable[[], None]], AbstractContextManager[None]]


@pytest.fixture
def following(looks: Looks) -> Following:
    """Follow a run inside of the block, in which hints of it arrive and what there is was seen."""

    @contextmanager
    def follow(known: FollowedRun, wake: Callable[[], None]) -> Iterator[None]:
        with known.followed(wake):
            until(lambda: known.pace(0) == run_following.SWEEP_SECONDS, seconds=10)
            known.state(looks.transactions)
            yield

    return follow


def told(known: FollowedRun, looks: Looks, after: int) -> list[tuple[int, str, object]]:
    """Read everything after a number."""
    events: list[RunEvent] = []
    found = known.find(looks.transactions, after)
    while found.events:
        events += found.events
        found = known.find(looks.transactions, events[-1].sequence)
    return [(each.sequence, each.type.value, each.data) for each in events]


def test_what_is_hinted_is_there_without_a_look_for_however_many(
    run: PlayedRun, looks: Looks, following: Following
) -> None:
    run.say("a")
    known, woken = followed(run.id), threading.Event()
    with following(known, woken.set):
        before = looks.number
        woken.clear()
        run.say("b", "c").end()
        until(lambda: known.state(looks.transactions).last_sequence == run.last, seconds=10)
        assert [told(known, looks, 1) for _ in range(50)] == [run.said[1:]] * 50
        assert woken.is_set()
        # A sweep may come in between, and no more of them.
        assert looks.number - before <= 1
        assert told(known, looks, 0) == run.said


def test_without_hints_one_look_is_for_all(run: PlayedRun, looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_following, "FRESH_SECONDS", 60)
    known = FollowedRun(run.id)
    known.state(looks.transactions)
    run.say("a", hinted=False)
    assert told(known, looks, 0) == []
    assert looks.number == 1
    monkeypatch.setattr(run_following, "FRESH_SECONDS", 0)
    assert told(known, looks, 0) == run.said


def test_what_a_hint_leaves_out_is_read(run: PlayedRun, looks: Looks, following: Following) -> None:
    known = followed(run.id)
    with following(known, lambda: None):
        run.say("lost", hinted=False).say("told")
        until(lambda: told(known, looks, 0) == run.said, seconds=run_following.SWEEP_SECONDS * 5)


@pytest.mark.parametrize("hint", ["", "[]", '{"events": [{}]}', '{"events": [{"sequence": "x"}]}', '{"events": 7}'])
def test_what_is_no_hint_has_everybody_look(
    env: Environment, run: PlayedRun, looks: Looks, following: Following, hint: str
) -> None:
    known = followed(run.id)
    with following(known, lambda: None):
        run.say("a", hinted=False)
        env.redis().publish(PREFIX + run.id, hint)
        until(lambda: told(known, looks, 0) == run.said, seconds=10)


@pytest.fixture
def fresh(run: PlayedRun, looks: Looks, monkeypatch: pytest.MonkeyPatch) -> FollowedRun:
    """A run that was looked at a moment ago, and of which hints arrive from now on."""
    monkeypatch.setattr(run_following, "FRESH_SECONDS", 60)
    known = FollowedRun(run.id)
    known.state(looks.transactions)
    return known


def test_who_has_just_looked_need_not_look_again_where_the_first_hint_goes_on_from_there(
    run: PlayedRun, looks: Looks, fresh: FollowedRun
) -> None:
    fresh.listening(hinted=True)
    assert fresh.pace(0) < run_following.SWEEP_SECONDS
    run.say("a")
    fresh.hear(run.hint)
    assert fresh.pace(0) == run_following.SWEEP_SECONDS
    assert told(fresh, looks, 0) == run.said
    assert looks.number == 1


def test_what_came_before_hints_did_is_looked_for_soon(
    run: PlayedRun, looks: Looks, fresh: FollowedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.say("a", hinted=False)
    fresh.listening(hinted=True)
    monkeypatch.setattr(run_following, "FRESH_SECONDS", 0)
    assert told(fresh, looks, 0) == run.said
    assert fresh.pace(0) == run_following.SWEEP_SECONDS


def test_who_is_far_behind_reads_by_themselves(run: PlayedRun, looks: Looks, following: Following) -> None:
    known = followed(run.id)
    with following(known, lambda: None):
        run.say(*map(str, range(KEPT + 10))).say(*map(str, range(AT_ONCE + 10)), hinted=False).end()
        until(lambda: known.state(looks.transactions).last_sequence == run.last, seconds=10)
        for after in (0, 1, KEPT, run.last - KEPT - 1, run.last - KEPT, run.last - 1, run.last, run.last + 9):
            assert told(known, looks, after) == run.said[after:]


def test_a_run_that_is_left_is_followed_anew(run: PlayedRun, looks: Looks, following: Following) -> None:
    known = followed(run.id)
    for text in "abc":
        with following(known, lambda: None):
            run.say(text)
            until(lambda: told(known, looks, 0) == run.said, seconds=10)
        run.say("meanwhile", hinted=False)


def test_a_run_that_is_not_there_is_not_found(looks: Looks) -> None:
    with pytest.raises(RunNotFound):
        followed("run_0").state(looks.transactions)
