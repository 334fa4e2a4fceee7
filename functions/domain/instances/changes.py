"""Changes: what a worker writes about an instance, as values."""

from dataclasses import dataclass
from typing import Self

from functions.domain.instances.deadlines import DEADLINES, LIMIT, OBSERVE, SETTLED, back_off
from functions.domain.instances.reasons import Explanation, Reason, explain, given_up
from shared_psql_models.statuses import Status


@dataclass(frozen=True)
class Change:
    """A new status, and why. Times are in seconds from the beginning of the lease."""

    status: Status
    explanation: Explanation
    attempts: int = 0
    """Starts that failed one after another."""
    address: str | None = None
    due_in: float = 0
    deadline_in: float | None = None

    @classmethod
    def to(cls, status: Status, reason: Reason, *, attempts: int = 0) -> Self:
        """Return the change to a transient status, with its deadline."""
        return cls(status, explain(reason), attempts=attempts, deadline_in=DEADLINES[status])

    @classmethod
    def running(cls, address: str | None, *, attempts: int) -> Self:
        """Return the change to RUNNING: the agent answers."""
        return cls(Status.RUNNING, explain(Reason.AGENT_READY), attempts=attempts, address=address, due_in=OBSERVE)

    @classmethod
    def stopped(cls) -> Self:
        """Return the change to STOPPED: no process is left."""
        return cls(Status.STOPPED, explain(Reason.AGENT_STOPPED), due_in=SETTLED)

    @classmethod
    def deleted(cls) -> Self:
        """Return the change to DELETED: process and files are gone."""
        return cls(Status.DELETED, explain(Reason.REMOVED), due_in=SETTLED)

    @classmethod
    def failed(cls, because: Explanation, *, attempts: int) -> Self:
        """Return the change to FAILED, until somebody starts it again; it counts at least one attempt."""
        return cls(Status.FAILED, because, attempts=max(1, attempts), due_in=SETTLED)

    @classmethod
    def retry(cls, reason: Reason, *, attempts: int) -> Self:
        """Return the change after a failed start: PENDING with a back-off, or FAILED after the last attempt."""
        failures = attempts + 1
        if failures >= LIMIT:
            exited = reason == Reason.AGENT_EXITED
            because = explain(Reason.CRASH_LOOP, limit=LIMIT) if exited else given_up(reason)
            return cls.failed(because, attempts=failures)
        wait = back_off(failures)
        because = explain(reason, seconds=wait, attempt=failures + 1, limit=LIMIT)
        deadline = wait + DEADLINES[Status.PENDING]
        return cls(Status.PENDING, because, attempts=failures, due_in=wait, deadline_in=deadline)
