"""Leases: who may work on an instance, for how long, and how what was done is recorded.

Every write of a worker is one UPDATE that is guarded by the lease's owner and by the row's version as the worker read
it: a worker whose lease was taken over, or who didn't see that somebody has changed the desired state, writes nothing.

Instances that were asked to stop in one transaction are worked on together: what is said here of many is true of each.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, text, tuple_, update

from core import context
from events.catalog.instances import InstanceChanged, InstanceStatusChanged
from functions.domain.databases import SharedDb
from functions.domain.instances import history, log_keeping, memory, specs
from functions.domain.instances.changes import Change
from functions.domain.instances.history import Entry
from functions.domain.instances.reasons import Explanation
from functions.domain.runs import forgetting
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
    cause: str | None = None
    """The id of the event that asked for it, where that isn't the one that the job is about."""

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
      and (lease_owner = :lease_owner
           or due_at <= clock_timestamp() and (lease_expires_at is null or lease_expires_at < clock_timestamp()))
    returning *, clock_timestamp() as now, (extract(epoch from clock_timestamp()) * 1000000)::bigint as token
    """
)

# What was asked for in one transaction became due in the same microsecond, and what is recorded of many does so again.
# The index of what is due leaves out what is deleted.
_CLAIM_ALIKE: Final = text(
    """
    with alike as (
      select id from instances
      where due_at = :due_at and desired_state = :desired_state and status = :status and status <> 'deleted'
        and id <> :id
        and (lease_owner = :lease_owner or lease_expires_at is null or lease_expires_at < clock_timestamp())
      order by id limit :limit for no key update skip locked
    )
    update instances
    set lease_owner = :lease_owner, lease_expires_at = clock_timestamp() + make_interval(secs => :seconds),
      queued_at = null
    from alike where instances.id = alike.id
    returning instances.*, clock_timestamp() as now, (extract(epoch from clock_timestamp()) * 1000000)::bigint as token,
      (select max(id) from instance_events where instance_id = instances.id and kind = 'desired_state') as cause
    """
)


def acquire(db: SharedDb, instance_id: str, lease_owner: str, seconds: float) -> Lease | None:
    """Acquire the lease on an instance that is due, or renew it, for `seconds`.

    None while another holds it, if there is nothing to do, or no such instance.
    """
    row = db.execute(_CLAIM, {"id": instance_id, "lease_owner": lease_owner, "seconds": seconds}).mappings().first()
    return None if row is None else Lease.of(row)


def acquire_alike(db: SharedDb, lease: Lease, seconds: float, limit: int) -> list[Lease]:
    """Acquire or renew the leases on up to `limit` others that are in one state with an instance that is to stop.

    That is: as far as it, and asked to in the same transaction, so that they have the actor and the trace in common.
    """
    if lease.desired_state != DesiredState.STOPPED or lease.status == Status.STOPPED:
        return []
    alike = lease.model_dump(mode="json", include={"id", "lease_owner", "desired_state", "status"})
    alike |= {"due_at": lease.due_at, "seconds": seconds, "limit": limit}
    return [Lease.of(row) for row in db.execute(_CLAIM_ALIKE, alike).mappings()]


def renew(db: SharedDb, held: Sequence[Lease], seconds: float) -> None:
    """Have the leases last for `seconds` from now; those that were lost stay so."""
    expires = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    _write(db, held, {"lease_expires_at": expires})


def record(db: SharedDb, held: Sequence[Lease], change: Change) -> list[Lease]:
    """Write a new status of instances, each with its history and its event, and return the leases that weren't lost.

    Of others nothing is written. Where it settles them, the leases end.
    """
    because, now = change.explanation, max(lease.now for lease in held)
    fields: dict[str, object] = {
        "status": change.status,
        "reason": because.reason,
        "message": because.message,
        "next": because.next,
        "attempts": change.attempts,
        "due_at": now + timedelta(seconds=change.due_in),
        "deadline_at": None if change.deadline_in is None else now + timedelta(seconds=change.deadline_in),
        "updated_at": func.now(),
        "row_version": instances.c.row_version + 1,
    }
    if change.status == Status.DELETED:
        # What nobody needs any more, secrets above all, isn't kept.
        fields |= {"config": {}, "secret_places": []}
    if change.settles:
        fields |= _FREE
    written = _guarded(db, held, fields)
    for lease in written:
        _keep_specs(db, lease, change)
    history.note(db, [_entry(lease, change) for lease in written], kind="status", explanation=because)
    return written


def _keep_specs(db: SharedDb, lease: Lease, change: Change) -> None:
    if change.rolls_back:
        _roll_back(db, lease, change.explanation)
    elif change.status == Status.RUNNING:
        specs.observe(db, lease.id, lease.generation)
    elif change.status == Status.DELETED:
        specs.forget(db, lease.id)
        log_keeping.delete_with(db, lease.id)
        memory.delete_with(db, lease.id)
        forgetting.delete_with(db, lease.id)


def _entry(lease: Lease, change: Change) -> Entry:
    because = change.explanation
    event = InstanceStatusChanged(
        instance_id=lease.id,
        owner_id=lease.owner_id,
        previous=lease.status,
        status=change.status,
        reason=because.reason,
        message=because.message,
    )
    # What nobody asked for, such as the sweep's jobs, has no cause.
    return Entry(event, lease.status, change.status, lease.cause if context.current().causation_id else None)


def _roll_back(db: SharedDb, lease: Lease, because: Explanation) -> None:
    """Want what serves again, and say so: whoever follows the instance knows it as what was changed to."""
    fields = specs.differences(db, lease.id, lease.generation, lease.observed_generation or 0)
    generation = specs.roll_back(db, lease.id)
    if generation is None:
        return
    event = InstanceChanged(
        instance_id=lease.id, owner_id=lease.owner_id, fields=fields, generation=generation, reason=because.reason
    )
    entry = Entry(event, str(lease.generation), str(generation))
    history.note(db, [entry], kind="generation", explanation=because)


def release(
    db: SharedDb, held: Sequence[Lease], *, due_in: float | None = None, attempts: int | None = None
) -> list[Lease]:
    """End leases; look again in `due_in` seconds, or when it was due before. Return those that weren't lost."""
    fields = dict(_FREE)
    if due_in is not None:
        fields["due_at"] = max(lease.now for lease in held) + timedelta(seconds=due_in)
    if attempts is not None:
        fields["attempts"] = attempts
    return _guarded(db, held, fields)


def give_up(db: SharedDb, held: Sequence[Lease]) -> None:
    """End leases on instances whatever has been changed of them meanwhile: that is due, and another's."""
    _write(db, held, _FREE)


# A job that came meanwhile found the lease taken and is gone: what is left to do may be offered anew at once.
_FREE: Final[dict[str, object]] = {"lease_owner": None, "lease_expires_at": None, "queued_at": None}


def _write(db: SharedDb, held: Sequence[Lease], fields: dict[str, object]) -> None:
    """Write into the rows of which the leases aren't lost, whatever has been changed of them meanwhile."""
    ids = [lease.id for lease in held]
    of_these = instances.c.id.in_(ids), instances.c.lease_owner == held[0].lease_owner
    db.execute(update(instances).where(*of_these).values(fields))


def _guarded(db: SharedDb, held: Sequence[Lease], fields: dict[str, object]) -> list[Lease]:
    """Write into the rows that are as they were read, and return the leases on them."""
    statement = (
        update(instances)
        .where(
            tuple_(instances.c.id, instances.c.row_version).in_([(lease.id, lease.row_version) for lease in held]),
            instances.c.lease_owner == held[0].lease_owner,
        )
        .values(fields)
        .returning(instances.c.id)
    )
    written = set(db.scalars(statement))
    return [lease for lease in held if lease.id in written]
