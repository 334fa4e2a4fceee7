"""The plan, played against a simulated host."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, product, repeat
from pathlib import Path
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from functions.domain.instances.changes import Change
from functions.domain.instances.deadlines import DEADLINES, LIMIT, SETTLED, back_off
from functions.domain.instances.leases import Lease
from functions.domain.instances.plan import Action, Outcome, Result, Step, after, next_step
from functions.domain.instances.reasons import Reason
from shared_psql_models.statuses import TRANSIENT, DesiredState, Status

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
LEASE: Final = Lease(
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
    reason=Reason.CREATED,
    row_version=1,
    attempts=0,
    due_at=NOW,
    deadline_at=NOW + timedelta(seconds=60),
    updated_at=NOW,
)
DONE: Final = Outcome(Result.DONE)
FAILED: Final = Outcome(Result.FAILED, "it raised an exception:\nRuntimeError: no key")
AWAY: Final = Outcome(Result.UNREACHABLE)


def lease(status: Status, desired: DesiredState = DesiredState.RUNNING, **facts: object) -> Lease:
    return LEASE.model_copy(update={"desired_state": desired, "status": status, **facts})


class Play:
    """An instance, its host and its clock, all made up."""

    def __init__(self, begin: Lease, outcomes: Iterator[Outcome]) -> None:
        self.lease = begin
        self.outcomes = outcomes
        self.changes: list[Change] = []

    def until_it_rests(self) -> Status:
        for _ in range(300):
            step = next_step(self.lease)
            if step.action != Action.NOTHING:
                step = after(self.lease, step.action, next(self.outcomes))
            if step.change is not None:
                self._record(step.change)
            elif self.lease.status not in TRANSIENT:
                return self.lease.status
            else:
                self._wait(step.look_again_in or 0)
        raise AssertionError(f"never rests: {self.lease}")

    def _record(self, change: Change) -> None:
        self.changes.append(change)
        deadline = None if change.deadline_in is None else self.lease.now + timedelta(seconds=change.deadline_in)
        now_so = {
            "status": change.status,
            "reason": change.explanation.reason,
            "attempts": change.attempts,
            "due_at": self.lease.now + timedelta(seconds=change.due_in),
            "deadline_at": deadline,
            "updated_at": self.lease.now,
        }
        if change.rolls_back:
            now_so["generation"] = self.lease.generation + 1
        if change.status == Status.RUNNING:
            now_so["observed_generation"] = now_so.get("generation", self.lease.generation)
        self.lease = self.lease.model_copy(update=now_so)
        if change.settles:
            # Nobody looks at it again before somebody asks for something.
            assert next_step(self.lease) == Step.rest(SETTLED)

    def _wait(self, seconds: float) -> None:
        self.lease = self.lease.model_copy(update={"now": self.lease.now + timedelta(seconds=seconds)})


@given(
    desired=st.sampled_from(DesiredState),
    status=st.sampled_from(sorted(set(Status) - {Status.DELETED, Status.DELETING})),
    outcomes=st.lists(st.sampled_from(Result), max_size=40),
    attempts=st.integers(0, LIMIT),
    generation=st.integers(1, 2),
    overdue=st.booleans(),
)
def test_it_always_comes_to_rest_where_it_is_wanted(
    desired: DesiredState, status: Status, outcomes: list[Result], *, attempts: int, generation: int, overdue: bool
) -> None:
    deadline = NOW + timedelta(seconds=-1 if overdue else 60)
    begin = lease(status, desired, attempts=attempts, deadline_at=deadline, generation=generation)
    play = Play(begin, chain(map(Outcome, outcomes), repeat(DONE)))
    rested = play.until_it_rests()
    allowed = {desired.value} if desired != DesiredState.RUNNING else {"running", "failed"}
    assert rested.value in allowed
    assert rested != Status.RUNNING or play.lease.generation == play.lease.observed_generation
    assert all(change.deadline_in is not None for change in play.changes if change.status in TRANSIENT)


@given(
    desired=st.sampled_from([DesiredState.STOPPED, DesiredState.DELETED]),
    status=st.sampled_from(sorted(set(Status) - {Status.DELETED})),
)
def test_what_is_to_end_ends_though_no_host_ever_answers(desired: DesiredState, status: Status) -> None:
    play = Play(lease(status, desired), repeat(AWAY))
    stops = desired == DesiredState.STOPPED and status != Status.DELETING
    assert play.until_it_rests() == (Status.STOPPED if stops else Status.DELETED)


@given(st.lists(st.just(AWAY), max_size=200))
def test_that_no_host_answers_is_never_counted_as_a_failed_start(times: list[Outcome]) -> None:
    play = Play(LEASE, chain(times, repeat(DONE)))
    assert play.until_it_rests() == Status.RUNNING
    assert {change.attempts for change in play.changes} == {0}


def test_an_agent_that_keeps_failing_is_started_with_growing_pauses_and_given_up_after_the_fifth_time() -> None:
    play = Play(LEASE, chain.from_iterable(repeat([DONE, FAILED])))
    assert play.until_it_rests() == Status.FAILED
    ends = [change for change in play.changes if change.attempts and change.status in {Status.PENDING, Status.FAILED}]
    assert [change.due_in for change in ends[:-1]] == [1, 2, 4, 8]
    assert [change.attempts for change in ends] == [1, 2, 3, 4, 5]
    assert ends[-1].explanation.reason == Reason.CRASH_LOOP
    assert ends[-1].explanation.message.endswith("RuntimeError: no key.")
    assert ends[0].explanation.next == "It is started again in 1 s: try 2 of 5."


def test_what_can_never_be_put_in_place_is_not_tried_again() -> None:
    refused = after(lease(Status.PROVISIONING), Action.PREPARE, Outcome(Result.REFUSED, "it is no zip file")).change
    assert refused is not None
    assert (refused.status, refused.explanation.reason) == (Status.FAILED, Reason.PREPARE_FAILED)


def test_code_that_could_not_be_put_in_place_is_tried_again_and_never_told_as_the_agents_end() -> None:
    play = Play(LEASE, repeat(Outcome(Result.FAILED, "the index doesn't answer")))
    assert play.until_it_rests() == Status.FAILED
    told = [change.explanation for change in play.changes if change.attempts and change.status != Status.PROVISIONING]
    assert {each.reason for each in told} == {Reason.NOT_PREPARED}
    assert {each.message for each in told} == {
        "This version's code couldn't be put in place: the index doesn't answer."
    }
    assert (told[0].next, told[-1].next) == (
        "It is started again in 1 s: try 2 of 5.",
        "Nothing, until somebody starts it again.",
    )


def test_an_instance_that_has_failed_is_left_alone_until_somebody_asks() -> None:
    assert next_step(lease(Status.FAILED, attempts=1)).change is None
    asked = next_step(lease(Status.FAILED, attempts=0)).change
    assert asked is not None
    assert asked.status == Status.PROVISIONING


def test_it_is_not_started_before_its_pause_is_over() -> None:
    assert next_step(lease(Status.PENDING, due_at=NOW + timedelta(seconds=4))) == Step.rest(4)


def test_a_start_asked_for_during_a_stop_lets_the_stop_finish_first() -> None:
    stopping = lease(Status.STOPPING)
    assert next_step(stopping).action == Action.END
    change = after(stopping, Action.END, DONE).change
    assert change is not None
    # Whoever records it may die right after.
    assert (change.status, change.due_in, change.deadline_in) == (Status.STOPPED, 0, DEADLINES[Status.PENDING])
    assert change.explanation.next == "It runs as soon as its agent answers."
    unseen = after(stopping.model_copy(update={"deadline_at": NOW}), Action.END, AWAY).change
    assert unseen is not None
    assert (unseen.explanation.reason, unseen.due_in) == (Reason.STOPPED_UNSEEN, 0)


def test_a_running_instance_is_looked_at_only_when_a_message_could_not_wake_it() -> None:
    assert next_step(lease(Status.RUNNING)).action == Action.NOTHING
    doubted = lease(Status.RUNNING, attempts=1)
    assert next_step(doubted).action == Action.VERIFY
    assert after(doubted, Action.VERIFY, DONE).attempts == 0
    assert after(doubted, Action.VERIFY, FAILED).change == Change.retry(
        Reason.AGENT_EXITED, attempts=0, cause=FAILED.cause
    )


def test_that_no_host_answers_is_said_once_and_again_at_each_deadline() -> None:
    first = after(lease(Status.STARTING), Action.VERIFY, AWAY).change
    assert first is not None
    assert (first.status, first.explanation.reason) == (Status.STARTING, Reason.HOST_UNREACHABLE)
    said = lease(Status.STARTING, reason=Reason.HOST_UNREACHABLE)
    assert after(said, Action.VERIFY, AWAY).change is None
    overdue = said.model_copy(update={"deadline_at": NOW})
    assert after(overdue, Action.VERIFY, AWAY).change == first


def test_what_is_changed_is_tried_before_it_serves_and_taken_back_when_it_does_not_answer() -> None:
    changed = lease(Status.RUNNING, generation=2)
    begun = next_step(changed).change
    assert begun is not None
    assert begun.status == Status.UPDATING
    updating = lease(Status.UPDATING, generation=2)
    assert next_step(updating).action == Action.VERIFY
    done, back = (after(updating, Action.VERIFY, outcome).change for outcome in (DONE, FAILED))
    assert done is not None
    assert (done.status, done.explanation.reason, done.rolls_back) == (Status.RUNNING, Reason.UPDATED, False)
    assert back is not None
    assert (back.status, back.explanation.reason, back.rolls_back) == (Status.RUNNING, Reason.UPDATE_ROLLED_BACK, True)
    assert "RuntimeError: no key" in back.explanation.message


def test_every_transient_status_has_a_deadline() -> None:
    assert DEADLINES.keys() == TRANSIENT
    assert [back_off(attempts) for attempts in range(1, LIMIT)] == [1, 2, 4, 8]


def test_the_diagram_in_the_documentation_shows_exactly_the_ways_there_are() -> None:
    text = (Path(__file__).resolve().parents[4] / "docs" / "architecture" / "agents.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^    (\w+) --> (\w+)", text, re.MULTILINE))
    times = [NOW - timedelta(seconds=1), NOW + timedelta(seconds=1), None]
    found = set()
    for desired, status, deadline, attempts in product(DesiredState, Status, times, [0, LIMIT - 1]):
        generation = 1 if attempts else 2
        begin = lease(status, desired, deadline_at=deadline, attempts=attempts, generation=generation)
        for outcome in map(Outcome, Result):
            step = next_step(begin)
            if step.action != Action.NOTHING:
                step = after(begin, step.action, outcome)
            if step.change is not None and step.change.status != status:
                found.add((status.value, step.change.status.value))
    assert found == shown
