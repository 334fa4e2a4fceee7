"""Leases: who may work on an instance, for how long, and how what was done is recorded.

Every write of a worker is one UPDATE that is guarded by the lease's owner and by the row's version as the worker read
it: a worker whose lease was taken over, or who didn't see that somebody has changed the desired state, writes nothing.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, text, update

from events.catalog.instances import InstanceChanged, InstanceStatusChanged
from functions.domain.databases import SharedDb
from functions.domain.instances import history, log_keeping, specs
from functions.domain.instances.changes import Change
from functions.domain.instances.reasons import Explanation
from shared_psql_models.instances import instances
from shared_psql_models.statuses import DesiredState, Status
from shared_psql_models.tables import Record


class LeaseLost(Exception):
    """Another worker has the lease, or the desired state has changed: read the instance and plan again."""


class Lease(Record):
    """An instance as its worker read it when it acquired or renewed the lease; without its config."""

    id: str
    lease_owner: str
    token: int
    """The fencing token: later leases of an instance have higher ones, and a driver refuses calls with a lower one."""
    now: datetime
    """By the database's clock."""
    owner_id: str
    version_id: str
    generation: int
    observed_generation: int | None
    desired_state: DesiredState
    status: Status
    reason: str
    row_version: int
    attempts: int
    due_at: datetime
    deadline_at: datetime | None
    updated_at: datetime

    @property
    def overdue(self) -> bool:
        """Return whether the deadline of the present status has passed."""
        return self.deadline_at is not None and self.deadline_at <= self.now


# The token is the time in microseconds by the database's clock: leases of one row can't overlap, so it only grows.
_CLAIM: Final = text(
    """
    update instances
    set lease_owner = :lease_owner, lease_expires_at = clock_timestamp() + make_interval(secs => :seconds),
      queued_at = null
    where id = :id
      and (lease_owner = :lease_owner or lease_expires_at is null or lease_expires_at < clock_timestamp())
    returning *, clock_timestamp() as now, (extract(epoch from clock_timestamp()) * 1000000)::bigint as token
    """
)


def acquire(db: SharedDb, instance_id: str, lease_owner: str, seconds: float) -> Lease | None:
    """Acquire or renew the lease on an instance for `seconds`; None while another holds it, or if there is no such."""
    row = db.execute(_CLAIM, {"id": instance_id, "lease_owner": lease_owner, "seconds": seconds}).mappings().first()
    return None if row is None else Lease.of(row)


def record(db: SharedDb, lease: Lease, change: Change) -> None:
    """Write a new status with its history and its event. Raises LeaseLost, having written nothing."""
    because = change.explanation
    fields: dict[str, Any] = {
        "status": change.status,
        "reason": because.reason,
        "message": because.message,
        "next": because.next,
        "attempts": change.attempts,
        "due_at": lease.now + timedelta(seconds=change.due_in),
        "deadline_at": None if change.deadline_in is None else lease.now + timedelta(seconds=change.deadline_in),
        "updated_at": func.now(),
        "row_version": instances.c.row_version + 1,
    }
    if change.status == Status.DELETED:
        # What nobody needs any more, secrets above all, isn't kept.
        fields |= {"config": {}, "secret_places": []}
    _guarded(db, lease, fields)
    if change.rolls_back:
        _roll_back(db, lease, because)
    elif change.status == Status.RUNNING:
        specs.observe(db, lease.id, lease.generation)
    elif change.status == Status.DELETED:
        specs.forget(db, lease.id)
        log_keeping.delete_with(db, lease.id)
    event = InstanceStatusChanged(
        instance_id=lease.id,
        owner_id=lease.owner_id,
        previous=lease.status,
        status=change.status,
        reason=because.reason,
        message=because.message,
    )
    history.note(db, event, kind="status", previous=lease.status, value=change.status, explanation=because)


def _roll_back(db: SharedDb, lease: Lease, because: Explanation) -> None:
    """Want what serves again, and say so: whoever follows the instance knows it as what was changed to."""
    fields = specs.differences(db, lease.id, lease.generation, lease.observed_generation or 0)
    generation = specs.roll_back(db, lease.id)
    if generation is None:
        return
    event = InstanceChanged(
        instance_id=lease.id, owner_id=lease.owner_id, fields=fields, generation=generation, reason=because.reason
    )
    values = {"previous": str(lease.generation), "value": str(generation)}
    history.note(db, event, kind="generation", **values, explanation=because)


def release(db: SharedDb, lease: Lease, *, due_in: float | None = None, attempts: int | None = None) -> None:
    """End the lease; look again in `due_in` seconds, or when it was due before. Raises LeaseLost."""
    # A job that came meanwhile found the lease taken and is gone: what is left to do may be offered anew at once.
    fields: dict[str, Any] = {"lease_owner": None, "lease_expires_at": None, "queued_at": None}
    if due_in is not None:
        fields["due_at"] = lease.now + timedelta(seconds=due_in)
    if attempts is not None:
        fields["attempts"] = attempts
    _guarded(db, lease, fields)


def _guarded(db: SharedDb, lease: Lease, fields: dict[str, Any]) -> None:
    written = db.execute(
        update(instances)
        .where(
            instances.c.id == lease.id,
            instances.c.row_version == lease.row_version,
            instances.c.lease_owner == lease.lease_owner,
        )
        .values(fields)
    )
    if written.rowcount != 1:
        raise LeaseLost(lease.id)
