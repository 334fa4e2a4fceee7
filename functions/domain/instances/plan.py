"""The plan: given what is wanted of an instance, what it is, and what is observed, what to do next. A pure function."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from functions.domain.instances.changes import Change
from functions.domain.instances.deadlines import OBSERVE, SETTLED, STABLE, UNRESPONSIVE
from functions.domain.instances.leases import Lease
from functions.domain.instances.reasons import Reason
from shared_psql_models.statuses import DesiredState, Status


class State(StrEnum):
    """What a driver sees of an instance."""

    ABSENT = "absent"
    """Nothing of it is there, or only its files."""
    STARTING = "starting"
    """The process runs, but doesn't answer."""
    READY = "ready"
    """The process answers its health check."""
    EXITED = "exited"
    """The process ended by itself."""


@dataclass(frozen=True)
class Observed:
    """What a driver sees of an instance, and at which address it answers."""

    state: State
    address: str | None = None


class Action(StrEnum):
    """What the driver is called for, with no transaction open."""

    NOTHING = "nothing"
    DEPLOY = "deploy"
    STOP = "stop"
    REMOVE = "remove"


@dataclass(frozen=True)
class Step:
    """The driver's action, then the change to record, or the seconds until the next look."""

    action: Action = Action.NOTHING
    change: Change | None = None
    look_again_in: float | None = None
    """Seconds; None: very soon, and the lease goes on."""
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


def next_step(lease: Lease, observed: Observed) -> Step:
    """Return the next step towards what is wanted. Repeated, it always comes to rest."""
    if lease.status in {Status.DELETING, Status.DELETED}:
        # There is no way back, whatever is wanted.
        return _towards_deleted(lease, observed)
    match lease.desired_state:
        case DesiredState.DELETED:
            return _towards_deleted(lease, observed)
        case DesiredState.STOPPED:
            return _towards_stopped(lease, observed)
        case DesiredState.RUNNING:
            return _towards_running(lease, observed)


def _towards_deleted(lease: Lease, observed: Observed) -> Step:
    if lease.status == Status.DELETED:
        return Step.rest(SETTLED)
    if lease.status != Status.DELETING:
        return Step.record(Change.to(Status.DELETING, Reason.DELETING))
    if observed.state == State.ABSENT:
        return Step.record(Change.deleted(), Action.REMOVE)
    if lease.overdue:
        return Step.record(Change.to(Status.DELETING, Reason.DELETE_TIMED_OUT), Action.STOP)
    return Step(Action.STOP)


def _towards_stopped(lease: Lease, observed: Observed) -> Step:
    if lease.status == Status.STOPPED:
        return _kept_down(observed)
    if lease.status != Status.STOPPING:
        return Step.record(Change.to(Status.STOPPING, Reason.STOPPING))
    return _stopping(lease, observed)


def _stopping(lease: Lease, observed: Observed) -> Step:
    if observed.state == State.ABSENT:
        return Step.record(Change.stopped())
    if lease.overdue:
        return Step.record(Change.to(Status.STOPPING, Reason.STOP_TIMED_OUT), Action.STOP)
    return Step(Action.STOP)


def _kept_down(observed: Observed) -> Step:
    """End what a worker that lost its lease may have started after all; the outcome stays as it is."""
    return Step.rest(SETTLED) if observed.state == State.ABSENT else Step(Action.STOP)


def _towards_running(lease: Lease, observed: Observed) -> Step:  # noqa: PLR0911 - one for each status
    match lease.status:
        case Status.RUNNING:
            return _kept_running(lease, observed)
        case Status.STARTING:
            return _starting(lease, observed)
        case Status.PROVISIONING | Status.UPDATING:
            return _prepared(lease, observed)
        case Status.STOPPING:
            # It was asked for again while it stopped: that is finished first, so that nothing is half of both.
            return _stopping(lease, observed)
        case Status.FAILED if lease.attempts > 0:
            return _kept_down(observed)
        case Status.PENDING if lease.due_at > lease.now:
            return Step.rest((lease.due_at - lease.now).total_seconds())
        case Status.PENDING | Status.STOPPED | Status.FAILED:
            return Step.record(Change.to(Status.PROVISIONING, Reason.PREPARING, attempts=lease.attempts))
        case Status.DELETING | Status.DELETED:
            return _towards_deleted(lease, observed)


def _prepared(lease: Lease, observed: Observed) -> Step:
    if lease.overdue:
        return Step.record(Change.retry(Reason.DRIVER_FAILED, attempts=lease.attempts))
    if lease.status == Status.UPDATING and observed.state != State.ABSENT:
        # What ran so far ends first: it has the name under which the new one is found.
        return Step(Action.STOP)
    return Step.record(Change.to(Status.STARTING, Reason.STARTING, attempts=lease.attempts), Action.DEPLOY)


def _starting(lease: Lease, observed: Observed) -> Step:
    if observed.state == State.READY:
        return Step.record(Change.running(observed.address, attempts=lease.attempts))
    if observed.state != State.STARTING:
        return Step.record(Change.retry(Reason.AGENT_EXITED, attempts=lease.attempts), Action.STOP)
    if lease.overdue:
        return Step.record(Change.retry(Reason.START_TIMED_OUT, attempts=lease.attempts), Action.STOP)
    return Step()


def _kept_running(lease: Lease, observed: Observed) -> Step:  # noqa: PLR0911 - one for each observation
    ran = (lease.now - lease.updated_at).total_seconds()
    attempts = 0 if ran >= STABLE else lease.attempts
    if lease.generation != lease.observed_generation:
        return Step.record(Change.to(Status.UPDATING, Reason.UPDATING), Action.STOP)
    match observed.state:
        case State.READY if lease.deadline_at is not None:
            return Step(deadline_in=0)
        case State.READY if observed.address != lease.address:
            return Step.record(Change.running(observed.address, attempts=attempts))
        case State.READY:
            return Step.rest(OBSERVE, attempts=attempts)
        case State.STARTING if lease.deadline_at is None:
            return Step(look_again_in=OBSERVE, deadline_in=UNRESPONSIVE)
        case State.STARTING if not lease.overdue:
            return Step.rest(OBSERVE)
        case State.STARTING:
            return Step.record(Change.retry(Reason.AGENT_UNRESPONSIVE, attempts=attempts), Action.STOP)
        case _:
            return Step.record(Change.retry(Reason.AGENT_EXITED, attempts=attempts), Action.STOP)
