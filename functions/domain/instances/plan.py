"""The plan: given what is wanted of an instance and what it is, what to do next; and what comes of what was done.

Both are pure functions. Nothing is observed: an instance at rest is a row and no process, so that there is nothing to
look at until somebody wants something of it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from functions.domain.instances.changes import Change
from functions.domain.instances.deadlines import AGAIN, SETTLED
from functions.domain.instances.leases import Lease
from functions.domain.instances.reasons import Reason, explain
from shared_psql_models.statuses import DesiredState, Status


class Action(StrEnum):
    """What the agent host is called for, with no transaction open."""

    NOTHING = "nothing"
    PREPARE = "prepare"
    """Put the version's code in place."""
    VERIFY = "verify"
    """Start the agent, and see that it answers."""
    END = "end"
    """End what is awake of the instance."""


class Result(StrEnum):
    """What comes of an action."""

    DONE = "done"
    FAILED = "failed"
    """The agent didn't start; another try may help."""
    TIMED_OUT = "timed_out"
    """The agent didn't answer in time."""
    REFUSED = "refused"
    """It can't be done, however often it is tried."""
    NOT_RUN = "not_run"
    """It can't be done here, because the version is an image."""
    UNREADABLE = "unreadable"
    """Its secrets can't be opened, by whoever would have told them to its agent."""
    UNREACHABLE = "unreachable"
    """No host took it, which says nothing of the agent."""


@dataclass(frozen=True)
class Outcome:
    """What came of an action, and the cause where it failed: a sentence without its full stop."""

    result: Result
    cause: str = ""


@dataclass(frozen=True)
class Step:
    """An action whose outcome decides, or the change to record, or the seconds until the next look."""

    action: Action = Action.NOTHING
    change: Change | None = None
    look_again_in: float | None = None
    """Seconds."""
    attempts: int | None = None
    """A new count of failed starts, when there is no change to carry it."""

    @classmethod
    def record(cls, change: Change) -> Self:
        """Record `change`."""
        return cls(change=change)

    @classmethod
    def rest(cls, seconds: float, *, attempts: int | None = None) -> Self:
        """Leave it alone: it is what is wanted, or its time has not come."""
        return cls(look_again_in=seconds, attempts=attempts)


_AT_REST: Final = Step.rest(SETTLED)


def next_step(lease: Lease) -> Step:
    """Return the next step towards what is wanted. Repeated, it always comes to rest."""
    if lease.status in {Status.DELETING, Status.DELETED} or lease.desired_state == DesiredState.DELETED:
        # There is no way back, whatever is wanted.
        return _towards_deleted(lease)
    if lease.desired_state == DesiredState.STOPPED:
        return _towards_stopped(lease)
    return _towards_running(lease)


def _towards_deleted(lease: Lease) -> Step:
    if lease.status == Status.DELETED:
        return _AT_REST
    if lease.status != Status.DELETING:
        deleting = Change.to(Status.DELETING, Reason.DELETING)
        # An administrator who deletes it doesn't wait for a host: its time is over before it has begun.
        hurried = lease.reason == Reason.DELETED_BY_ADMINISTRATOR
        return Step.record(replace(deleting, deadline_in=0) if hurried else deleting)
    return Step(Action.END)


def _towards_stopped(lease: Lease) -> Step:
    if lease.status == Status.STOPPED:
        return _AT_REST
    if lease.status != Status.STOPPING:
        return Step.record(Change.to(Status.STOPPING, Reason.STOPPING))
    return Step(Action.END)


def _towards_running(lease: Lease) -> Step:  # noqa: PLR0911 - one for each status
    match lease.status:
        case Status.RUNNING:
            return _kept_running(lease)
        case Status.PENDING | Status.PROVISIONING | Status.STARTING | Status.UPDATING if lease.due_at > lease.now:
            return Step.rest((lease.due_at - lease.now).total_seconds())
        case Status.STARTING | Status.UPDATING:
            return Step(Action.VERIFY)
        case Status.PROVISIONING:
            return Step(Action.PREPARE)
        case Status.STOPPING:
            # It was asked for again while it stopped: that is finished first, so that nothing is half of both.
            return Step(Action.END)
        case Status.FAILED if lease.attempts > 0:
            return _AT_REST
        case _:
            return Step.record(Change.to(Status.PROVISIONING, Reason.PREPARING, attempts=lease.attempts))


def _kept_running(lease: Lease) -> Step:
    if lease.generation != lease.observed_generation:
        return Step.record(Change.to(Status.UPDATING, Reason.UPDATING))
    if lease.attempts > 0:
        # A message didn't wake it: whether it still starts is seen before its owner is told otherwise.
        return Step(Action.VERIFY)
    return _AT_REST


def after(lease: Lease, action: Action, outcome: Outcome) -> Step:
    """Return what to record of an action's outcome, or when to try again."""
    if outcome.result == Result.UNREACHABLE:
        return _unreachable(lease)
    if lease.status == Status.RUNNING and outcome.result == Result.DONE:
        return Step.rest(SETTLED, attempts=0)
    return Step.record(_came_of(lease, action, outcome))


def _came_of(lease: Lease, action: Action, outcome: Outcome) -> Change:
    if action == Action.END:
        return Change.deleted() if lease.status == Status.DELETING else Change.stopped(restarts=_restarts(lease))
    if lease.status == Status.UPDATING:
        return _updated(lease, outcome)
    if outcome.result != Result.DONE:
        return _failed(lease, outcome)
    if action == Action.PREPARE:
        return Change.to(Status.STARTING, Reason.STARTING, attempts=lease.attempts)
    return Change.running()


def _updated(lease: Lease, outcome: Outcome) -> Change:
    if outcome.result == Result.DONE:
        return Change.running(Reason.UPDATED)
    if lease.observed_generation is None:
        return _failed(lease, outcome)
    return Change.rolled_back(outcome.cause or _CAUSES[outcome.result])


_CAUSES: Final = {
    Result.FAILED: "the agent didn't start",
    Result.TIMED_OUT: "the agent didn't answer in time",
    Result.REFUSED: "its code can't be put in place",
    Result.UNREADABLE: "its secrets can't be opened",
    Result.NOT_RUN: "its version is an image, and nothing here runs images",
}


def _unreachable(lease: Lease) -> Step:
    match lease.status:
        case Status.STOPPING if lease.overdue:
            return Step.record(Change.stopped(Reason.STOPPED_UNSEEN, restarts=_restarts(lease)))
        case Status.DELETING if lease.overdue:
            return Step.record(Change.deleted(Reason.REMOVED_UNSEEN))
        case Status.PROVISIONING | Status.STARTING | Status.UPDATING if (
            lease.overdue or lease.reason != Reason.HOST_UNREACHABLE
        ):
            # Said once, and again with each new deadline.
            waiting = Change.to(lease.status, Reason.HOST_UNREACHABLE, attempts=lease.attempts, due_in=AGAIN)
            return Step.record(waiting)
        case _:
            return Step.rest(AGAIN)


def _restarts(lease: Lease) -> bool:
    """Return whether it was asked for again while it stopped."""
    return lease.desired_state == DesiredState.RUNNING


def _failed(lease: Lease, outcome: Outcome) -> Change:
    match outcome.result:
        case Result.NOT_RUN:
            return Change.failed(explain(Reason.DRIVER_CANNOT_RUN_IMAGE), attempts=lease.attempts)
        case Result.REFUSED:
            return Change.failed(explain(Reason.PREPARE_FAILED, cause=outcome.cause), attempts=lease.attempts)
        case Result.UNREADABLE:
            return Change.retry(Reason.SECRETS_UNREADABLE, attempts=_attempts(lease))
        case Result.TIMED_OUT:
            return Change.retry(Reason.START_TIMED_OUT, attempts=_attempts(lease))
        case _:
            # What is not in place yet was not started, and can't have ended.
            reason = Reason.NOT_PREPARED if lease.status == Status.PROVISIONING else Reason.AGENT_EXITED
            return Change.retry(reason, attempts=_attempts(lease), cause=outcome.cause)


def _attempts(lease: Lease) -> int:
    # While it runs, the count only says that a message found it unable to start.
    return 0 if lease.status == Status.RUNNING else lease.attempts
