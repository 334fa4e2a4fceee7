"""Changes: what a worker writes about an instance, as values."""

from dataclasses import dataclass, replace
from typing import Self

from functions.domain.instances.deadlines import DEADLINES, LIMIT, SETTLED, back_off
from functions.domain.instances.reasons import Explanation, Reason, explain, given_up
from shared_psql_models.statuses import Status


@dataclass(frozen=True)
class Change:
    """A new status, and why. Times are in seconds from the beginning of the lease."""

    status: Status
    explanation: Explanation
    attempts: int = 0
    """Starts that failed one after another."""
    due_in: float = 0
    deadline_in: float | None = None
    rolls_back: bool = False
    """Whether what serves is what is wanted again."""

    @property
    def settles(self) -> bool:
        """Whether there is nothing more to do until somebody asks for something."""
        return self.due_in == SETTLED

    @classmethod
    def to(cls, status: Status, reason: Reason, *, attempts: int = 0, due_in: float = 0) -> Self:
        """Return the change to a transient status, with its deadline."""
        return cls(status, explain(reason), attempts=attempts, due_in=due_in, deadline_in=DEADLINES[status])

    @classmethod
    def running(cls, reason: Reason = Reason.AGENT_READY) -> Self:
        """Return the change to RUNNING: the agent has answered."""
        return cls(Status.RUNNING, explain(reason), due_in=SETTLED)

    @classmethod
    def rolled_back(cls, cause: str) -> Self:
        """Return the change to RUNNING after an update that didn't answer: as it was before."""
        because = explain(Reason.UPDATE_ROLLED_BACK, cause=cause)
        return cls(Status.RUNNING, because, due_in=SETTLED, rolls_back=True)

    @classmethod
    def stopped(cls, reason: Reason = Reason.AGENT_STOPPED, *, restarts: bool = False) -> Self:
        """Return the change to STOPPED: nothing of it is awake. Unless it `restarts`, that settles it."""
        if restarts:
            because = replace(explain(reason), next=explain(Reason.START_REQUESTED).next)
            return cls(Status.STOPPED, because, deadline_in=DEADLINES[Status.PENDING])
        return cls(Status.STOPPED, explain(reason), due_in=SETTLED)

    @classmethod
    def deleted(cls, reason: Reason = Reason.REMOVED) -> Self:
        """Return the change to DELETED: nothing of it is left."""
        return cls(Status.DELETED, explain(reason), due_in=SETTLED)

    @classmethod
    def failed(cls, because: Explanation, *, attempts: int) -> Self:
        """Return the change to FAILED, until somebody starts it again; it counts at least one attempt."""
        return cls(Status.FAILED, because, attempts=max(1, attempts), due_in=SETTLED)

    @classmethod
    def retry(cls, reason: Reason, *, attempts: int, cause: str = "") -> Self:
        """Return the change after a failed start: PENDING with a back-off, or FAILED after the last attempt."""
        failures = attempts + 1
        if failures >= LIMIT:
            looped = reason == Reason.AGENT_EXITED
            because = explain(Reason.CRASH_LOOP, limit=LIMIT, cause=cause) if looped else given_up(reason, cause)
            return cls.failed(because, attempts=failures)
        wait = back_off(failures)
        because = explain(reason, seconds=wait, attempt=failures + 1, limit=LIMIT, cause=cause)
        deadline = wait + DEADLINES[Status.PENDING]
        return cls(Status.PENDING, because, attempts=failures, due_in=wait, deadline_in=deadline)
