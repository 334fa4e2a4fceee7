"""Turns: who may work on an instance, for how long, and how what was done is recorded.

A turn is a lease with a nonce. Every write of a worker is one UPDATE that is guarded by the nonce and by the row's
version as the worker read it, so a worker whose turn was taken over, or who didn't see that somebody has changed the
wish, writes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import RowMapping, func, text, update

from events.catalog.instances import InstanceStatusChanged
from functions.domain.databases import SharedDb
from functions.domain.instances import history
from functions.domain.instances.changes import Change
from shared_psql_models.instances import instances
from shared_psql_models.statuses import DesiredState, Status


class TurnLostError(Exception):
    """Another worker has the turn, or the wish has changed: read again, and think again."""


@dataclass(frozen=True)
class Turn:
    """An instance as its worker read it when it took or renewed the turn."""

    instance_id: str
    nonce: str
    number: int
    """Later turns of an instance have higher numbers; a driver refuses what comes out of an earlier one."""
    now: datetime
    """By the database's clock."""
    owner_id: str
    version_id: str
    desired: DesiredState
    status: Status
    row_version: int
    attempts: int
    address: str | None
    due_at: datetime
    deadline_at: datetime | None
    updated_at: datetime

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Build the turn from what `_CLAIM` returns."""
        return cls(
            instance_id=row["id"],
            nonce=row["lease_owner"],
            number=row["number"],
            now=row["now"],
            owner_id=row["owner_id"],
            version_id=row["version_id"],
            desired=DesiredState(row["desired_state"]),
            status=Status(row["status"]),
            row_version=row["row_version"],
            attempts=row["attempts"],
            address=row["address"],
            due_at=row["due_at"],
            deadline_at=row["deadline_at"],
            updated_at=row["updated_at"],
        )

    @property
    def overdue(self) -> bool:
        """Tell whether the deadline of the present status has passed."""
        return self.deadline_at is not None and self.deadline_at <= self.now


# The number is the time in microseconds by the database's clock: turns of one row can't overlap, so it only grows.
_CLAIM: Final = text(
    """
    update instances
    set lease_owner = :nonce, lease_expires_at = clock_timestamp() + make_interval(secs => :seconds), queued_at = null
    where id = :id and (lease_owner = :nonce or lease_expires_at is null or lease_expires_at < clock_timestamp())
    returning *, clock_timestamp() as now, (extract(epoch from clock_timestamp()) * 1000000)::bigint as number
    """
)


def take(db: SharedDb, instance_id: str, nonce: str, seconds: float) -> Turn | None:
    """Take the turn on an instance, or renew it, for `seconds`; None while another has it, or if there is no such."""
    row = db.execute(_CLAIM, {"id": instance_id, "nonce": nonce, "seconds": seconds}).mappings().first()
    return None if row is None else Turn.of(row)


def record(db: SharedDb, turn: Turn, change: Change) -> None:
    """Write a new status with its history and its event. Raises TurnLostError, having written nothing."""
    because = change.why
    fields: dict[str, Any] = {
        "status": change.status,
        "reason": because.reason,
        "message": because.message,
        "next": because.next,
        "address": change.address,
        "attempts": change.attempts,
        "due_at": turn.now + timedelta(seconds=change.due_in),
        "deadline_at": None if change.deadline_in is None else turn.now + timedelta(seconds=change.deadline_in),
        "updated_at": func.now(),
        "row_version": instances.c.row_version + 1,
    }
    if change.status == Status.DELETED:
        # What nobody needs any more, secrets above all, isn't kept.
        fields |= {"config": {}, "secret_places": []}
    _guarded(db, turn, fields)
    event = InstanceStatusChanged(
        instance_id=turn.instance_id,
        owner_id=turn.owner_id,
        previous=turn.status,
        status=change.status,
        reason=because.reason,
        message=because.message,
    )
    history.note(db, event, kind="status", previous=turn.status, value=change.status, why=because)


def give_back(db: SharedDb, turn: Turn, *, due_in: float | None = None, attempts: int | None = None) -> None:
    """End the turn; look again in `due_in` seconds, or when it was due before. Raises TurnLostError."""
    # A job that came meanwhile found the turn taken and is gone: what is left to do may be offered anew at once.
    fields: dict[str, Any] = {"lease_owner": None, "lease_expires_at": None, "queued_at": None}
    if due_in is not None:
        fields["due_at"] = turn.now + timedelta(seconds=due_in)
    if attempts is not None:
        fields["attempts"] = attempts
    _guarded(db, turn, fields)


def mark(db: SharedDb, turn: Turn, *, deadline_in: float | None) -> None:
    """Note until when something may stay as it is, without a change of status. Raises TurnLostError."""
    deadline = None if deadline_in is None else turn.now + timedelta(seconds=deadline_in)
    _guarded(db, turn, {"deadline_at": deadline})


def _guarded(db: SharedDb, turn: Turn, fields: dict[str, Any]) -> None:
    written = db.execute(
        update(instances)
        .where(
            instances.c.id == turn.instance_id,
            instances.c.row_version == turn.row_version,
            instances.c.lease_owner == turn.nonce,
        )
        .values(fields)
    )
    if written.rowcount != 1:
        raise TurnLostError(turn.instance_id)
