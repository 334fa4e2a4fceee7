"""The plan, played against a simulated driver."""

import re
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.instances.changes import Change
from functions.domain.instances.deadlines import DEADLINES, LIMIT, STABLE, back_off
from functions.domain.instances.leases import Lease
from functions.domain.instances.plan import Action, Observed, State, Step, next_step
from functions.domain.instances.reasons import Reason
from shared_psql_models.statuses import TRANSIENT, DesiredState, Status

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
TURN: Final = Lease(
    id="ins",
    lease_owner="worker",
    token=1,
    now=NOW,
    owner_id="usr",
    version_id="ver",
    generation=1,
    observed_generation=1,
    desired_state=DesiredState.RUNNING,
    status=Status.PENDING,
    row_version=1,
    attempts=0,
    address=None,
    due_at=NOW,
    deadline_at=NOW + timedelta(seconds=60),
    updated_at=NOW,
)
READY: Final = Observed(State.READY, "http://127.0.0.1:1")
EXITED: Final = Observed(State.EXITED)


def step(desired: DesiredState, status: Status, state: State, **facts: object) -> Step:
    lease = TURN.model_copy(update={"desired_state": desired, "status": status, **facts})
    return next_step(lease, Observed(state))


class Play:
    """An instance, its driver and its clock, all made up."""

    def __init__(self, lease: Lease, state: State, *, answers: bool) -> None:
        self.lease = lease
        self.observed = Observed(state)
        self.answers = answers
        self.changes: list[Change] = []

    def until_it_rests(self) -> Status:
        for _ in range(200):
            taken = next_step(self.lease, self.observed)
            self._act(taken.action)
            if taken.change is not None:
                self._record(taken.change)
            elif taken.look_again_in is not None and self._rests():
                return self.lease.status
            else:
                self._wait(taken)
        raise AssertionError(f"never rests: {self.lease}, {self.observed}")

    def _act(self, action: Action) -> None:
        match action:
            case Action.DEPLOY:
                self.observed = READY if self.answers else EXITED
            case Action.STOP | Action.REMOVE:
                self.observed = Observed(State.ABSENT)
            case Action.NOTHING:
                pass

    def _record(self, change: Change) -> None:
        self.changes.append(change)
        deadline = None if change.deadline_in is None else self.lease.now + timedelta(seconds=change.deadline_in)
        now_so = {
            "status": change.status,
            "attempts": change.attempts,
            "address": change.address,
            "due_at": self.lease.now + timedelta(seconds=change.due_in),
            "deadline_at": deadline,
            "updated_at": self.lease.now,
        }
        self.lease = self.lease.model_copy(update=now_so)

    def _rests(self) -> bool:
        return self.lease.status not in TRANSIENT and self.observed.state in {State.ABSENT, State.READY}

    def _wait(self, taken: Step) -> None:
        if taken.deadline_in is not None:
            deadline = self.lease.now + timedelta(seconds=taken.deadline_in) if taken.deadline_in else None
            self.lease = self.lease.model_copy(update={"deadline_at": deadline})
        now = self.lease.now + timedelta(seconds=taken.look_again_in or 1)
        self.lease = self.lease.model_copy(update={"now": now})


@given(
    desired=st.sampled_from(DesiredState),
    status=st.sampled_from(sorted(set(Status) - {Status.DELETED, Status.DELETING})),
    state=st.sampled_from(State),
    answers=st.booleans(),
    attempts=st.integers(0, LIMIT),
    overdue=st.booleans(),
)
def test_it_always_comes_to_rest_where_it_is_wanted(
    desired: DesiredState, status: Status, state: State, *, answers: bool, attempts: int, overdue: bool
) -> None:
    deadline = NOW - timedelta(seconds=1) if overdue else NOW + timedelta(seconds=60)
    facts = {"desired_state": desired, "status": status, "attempts": attempts, "deadline_at": deadline}
    lease = TURN.model_copy(update=facts)
    play = Play(lease, state, answers=answers)
    rested = play.until_it_rests()
    allowed = {desired.value} if desired != DesiredState.RUNNING else {"running", "failed"}
    assert rested.value in allowed
    assert (play.observed.state == State.ABSENT) == (rested != Status.RUNNING)
    assert all(change.deadline_in is not None for change in play.changes if change.status in TRANSIENT)


def test_an_agent_that_keeps_ending_is_started_with_growing_pauses_and_given_up_after_the_fifth_end() -> None:
    play = Play(TURN, State.ABSENT, answers=False)
    assert play.until_it_rests() == Status.FAILED
    ends = [change for change in play.changes if change.attempts and change.status in {Status.PENDING, Status.FAILED}]
    assert [change.due_in for change in ends[:-1]] == [1, 2, 4, 8]
    assert [change.attempts for change in ends] == [1, 2, 3, 4, 5]
    assert ends[-1].explanation.reason == Reason.CRASH_LOOP
    assert ends[0].explanation.next == "It is started again in 1 s: try 2 of 5."


@pytest.mark.parametrize("status", [Status.STOPPED, Status.FAILED])
@pytest.mark.parametrize("state", [State.STARTING, State.READY, State.EXITED])
def test_what_was_left_running_is_ended_without_touching_a_finished_outcome(status: Status, state: State) -> None:
    desired = DesiredState.STOPPED if status == Status.STOPPED else DesiredState.RUNNING
    taken = step(desired, status, state, attempts=1, deadline_at=None)
    assert taken.action == Action.STOP
    assert taken.change is None


def test_an_instance_that_has_failed_is_left_alone_until_somebody_asks() -> None:
    assert step(DesiredState.RUNNING, Status.FAILED, State.ABSENT, attempts=1).change is None
    asked = step(DesiredState.RUNNING, Status.FAILED, State.ABSENT, attempts=0).change
    assert asked is not None
    assert asked.status == Status.PROVISIONING


def test_it_is_not_started_before_its_pause_is_over() -> None:
    later = NOW + timedelta(seconds=4)
    assert step(DesiredState.RUNNING, Status.PENDING, State.ABSENT, due_at=later) == Step.rest(4)


def test_a_start_that_takes_too_long_is_ended_and_tried_again() -> None:
    taken = step(DesiredState.RUNNING, Status.STARTING, State.STARTING, deadline_at=NOW)
    assert taken.action == Action.STOP
    assert taken.change == Change.retry(Reason.START_TIMED_OUT, attempts=0)


def test_a_stop_that_takes_too_long_is_said_and_tried_again_for_ever() -> None:
    taken = step(DesiredState.STOPPED, Status.STOPPING, State.READY, deadline_at=NOW)
    assert taken == Step.record(Change.to(Status.STOPPING, Reason.STOP_TIMED_OUT), Action.STOP)


def test_a_start_asked_for_during_a_stop_lets_the_stop_finish_first() -> None:
    assert step(DesiredState.RUNNING, Status.STOPPING, State.READY).action == Action.STOP
    assert step(DesiredState.RUNNING, Status.STOPPING, State.ABSENT).change == Change.stopped()


def test_a_running_agent_that_stops_answering_has_half_a_minute() -> None:
    noticed = step(DesiredState.RUNNING, Status.RUNNING, State.STARTING, deadline_at=None)
    assert noticed.deadline_in == 30
    assert step(DesiredState.RUNNING, Status.RUNNING, State.STARTING).change is None
    late = step(DesiredState.RUNNING, Status.RUNNING, State.STARTING, deadline_at=NOW)
    assert late.change == Change.retry(Reason.AGENT_UNRESPONSIVE, attempts=0)
    assert step(DesiredState.RUNNING, Status.RUNNING, State.READY).deadline_in == 0


def test_an_agent_that_ran_long_enough_starts_with_a_clean_slate() -> None:
    long_ago = NOW - timedelta(seconds=STABLE)
    recovered = step(DesiredState.RUNNING, Status.RUNNING, State.EXITED, attempts=4, updated_at=long_ago)
    assert recovered.change == Change.retry(Reason.AGENT_EXITED, attempts=0)
    young = step(DesiredState.RUNNING, Status.RUNNING, State.EXITED, attempts=4)
    assert young.change is not None
    assert young.change.status == Status.FAILED


def test_every_transient_status_has_a_deadline() -> None:
    assert DEADLINES.keys() == TRANSIENT
    assert [back_off(attempts) for attempts in range(1, LIMIT)] == [1, 2, 4, 8]


def test_the_diagram_in_the_documentation_shows_exactly_the_ways_there_are() -> None:
    text = (Path(__file__).resolve().parents[4] / "docs" / "architecture" / "agents.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^    (\w+) --> (\w+)", text, re.MULTILINE))
    times = [NOW - timedelta(seconds=1), NOW + timedelta(seconds=1), None]
    found = {("provisioning", "failed")}  # when the driver says that it never will
    for desired, status, state, deadline, attempts in product(DesiredState, Status, State, times, [0, LIMIT - 1]):
        facts = {"deadline_at": deadline, "attempts": attempts, "address": "elsewhere"}
        taken = step(desired, status, state, **facts).change
        found |= {(status.value, taken.status.value)} if taken else set()
        changed = step(desired, status, state, **facts, generation=2).change
        found |= {(status.value, changed.status.value)} if changed else set()
    assert found == shown
