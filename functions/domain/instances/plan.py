"""The plan: given what is wanted of an instance, what it is, and what is observed, what to do next. A pure function."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from functions.domain.instances.changes import Change
from functions.domain.instances.deadlines import OBSERVE, SETTLED, STABLE, UNRESPONSIVE
from functions.domain.instances.reasons import Reason
from functions.domain.instances.turns import Turn
from shared_psql_models.statuses import DesiredState, Status


class State(StrEnum):
    """What a driver sees of an instance."""

    ABSENT = "absent"
    """Nothing of it is there, or only its files."""
    STARTING = "starting"
    """It runs, but doesn't answer."""
    READY = "ready"
    """It answers."""
    EXITED = "exited"
    """It ran, and ended by itself."""


@dataclass(frozen=True)
class Observed:
    """What a driver sees of an instance, and at which address it answers."""

    state: State
    address: str | None = None


class Action(StrEnum):
    """What to have the driver do, with no transaction open."""

    NOTHING = "nothing"
    DEPLOY = "deploy"
    STOP = "stop"
    REMOVE = "remove"


@dataclass(frozen=True)
class Step:
    """What to do, then what to record, or how long to leave the instance alone."""

    action: Action = Action.NOTHING
    change: Change | None = None
    look_again_in: float | None = None
    """Seconds; None: very soon, and the turn goes on."""
    attempts: int | None = None
    """A new count of failed starts, when there is no change to carry it."""
    deadline_in: float | None = None
    """Seconds until what isn't a change of status yet becomes one; 0 when it didn't."""

    @classmethod
    def record(cls, change: Change, action: Action = Action.NOTHING) -> Self:
        """Do `action`, then record `change`."""
        return cls(action=action, change=change)

    @classmethod
    def rest(cls, seconds: float, *, attempts: int | None = None) -> Self:
        """Leave it alone: what is observed is what is wanted."""
        return cls(look_again_in=seconds, attempts=attempts)


_BEING_STARTED: Final = frozenset({Status.PENDING, Status.PROVISIONING, Status.STARTING, Status.UPDATING})


def next_step(turn: Turn, observed: Observed) -> Step:
    """Return the next step towards what is wanted. Repeated, it always comes to rest."""
    if turn.status in {Status.DELETING, Status.DELETED}:
        # There is no way back, whatever is wanted.
        return _towards_deleted(turn, observed)
    match turn.desired:
        case DesiredState.DELETED:
            return _towards_deleted(turn, observed)
        case DesiredState.STOPPED:
            return _towards_stopped(turn, observed)
        case DesiredState.RUNNING:
            return _towards_running(turn, observed)


def _towards_deleted(turn: Turn, observed: Observed) -> Step:
    if turn.status == Status.DELETED:
        return Step.rest(SETTLED)
    if turn.status != Status.DELETING:
        return Step.record(Change.to(Status.DELETING, Reason.DELETING))
    if observed.state == State.ABSENT:
        return Step.record(Change.deleted(), Action.REMOVE)
    if turn.overdue:
        return Step.record(Change.to(Status.DELETING, Reason.DELETE_TIMED_OUT), Action.STOP)
    return Step(Action.STOP)


def _towards_stopped(turn: Turn, observed: Observed) -> Step:
    if turn.status == Status.STOPPED:
        return _kept_down(observed)
    if turn.status != Status.STOPPING:
        return Step.record(Change.to(Status.STOPPING, Reason.STOPPING))
    return _stopping(turn, observed)


def _stopping(turn: Turn, observed: Observed) -> Step:
    if observed.state == State.ABSENT:
        return Step.record(Change.stopped())
    if turn.overdue:
        return Step.record(Change.to(Status.STOPPING, Reason.STOP_TIMED_OUT), Action.STOP)
    return Step(Action.STOP)


def _kept_down(observed: Observed) -> Step:
    """End what a worker that lost its turn may have started after all; the outcome stays as it is."""
    return Step.rest(SETTLED) if observed.state == State.ABSENT else Step(Action.STOP)


def _towards_running(turn: Turn, observed: Observed) -> Step:  # noqa: PLR0911 - one for each status
    match turn.status:
        case Status.RUNNING:
            return _kept_running(turn, observed)
        case Status.STARTING:
            return _starting(turn, observed)
        case Status.PROVISIONING | Status.UPDATING:
            if turn.overdue:
                return Step.record(Change.retry(Reason.DRIVER_FAILED, attempts=turn.attempts))
            starting = Change.to(Status.STARTING, Reason.STARTING, attempts=turn.attempts)
            return Step.record(starting, Action.DEPLOY)
        case Status.STOPPING:
            # It was asked for again while it stopped: that is finished first, so that nothing is half of both.
            return _stopping(turn, observed)
        case Status.FAILED if turn.attempts > 0:
            return _kept_down(observed)
        case Status.PENDING if turn.due_at > turn.now:
            return Step.rest((turn.due_at - turn.now).total_seconds())
        case Status.PENDING | Status.STOPPED | Status.FAILED:
            return Step.record(Change.to(Status.PROVISIONING, Reason.PREPARING, attempts=turn.attempts))
        case Status.DELETING | Status.DELETED:
            return _towards_deleted(turn, observed)


def _starting(turn: Turn, observed: Observed) -> Step:
    if observed.state == State.READY:
        return Step.record(Change.running(observed.address, attempts=turn.attempts))
    if observed.state != State.STARTING:
        return Step.record(Change.retry(Reason.AGENT_EXITED, attempts=turn.attempts), Action.STOP)
    if turn.overdue:
        return Step.record(Change.retry(Reason.START_TIMED_OUT, attempts=turn.attempts), Action.STOP)
    return Step()


def _kept_running(turn: Turn, observed: Observed) -> Step:  # noqa: PLR0911 - one for each observation
    ran = (turn.now - turn.updated_at).total_seconds()
    attempts = 0 if ran >= STABLE else turn.attempts
    match observed.state:
        case State.READY if turn.deadline_at is not None:
            return Step(deadline_in=0)
        case State.READY if observed.address != turn.address:
            return Step.record(Change.running(observed.address, attempts=attempts))
        case State.READY:
            return Step.rest(OBSERVE, attempts=attempts)
        case State.STARTING if turn.deadline_at is None:
            return Step(look_again_in=OBSERVE, deadline_in=UNRESPONSIVE)
        case State.STARTING if not turn.overdue:
            return Step.rest(OBSERVE)
        case State.STARTING:
            return Step.record(Change.retry(Reason.AGENT_UNRESPONSIVE, attempts=attempts), Action.STOP)
        case _:
            return Step.record(Change.retry(Reason.AGENT_EXITED, attempts=attempts), Action.STOP)
