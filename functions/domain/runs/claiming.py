"""Claiming runs: which take their turn, who works on them and for how long.

A lease is on one attempt. Its token grows with each, and whatever a runner writes is guarded by it: one that was away
for too long writes nothing any more. An attempt counts from the claim on, since nobody knows of a runner that is gone
how far it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Double, Integer, Text, bindparam, column, func, text, update

from functions.domain.databases import SharedDb
from functions.domain.instances import told
from functions.domain.instances.told import Addressee
from functions.domain.runs import recording
from functions.domain.runs.reasons import Explanation, Reason
from shared_psql_models.runs import Run, runs


@dataclass(frozen=True)
class Claimed:
    """A run whose lease a runner has acquired."""

    run: Run
    addressee: Addressee | None
    """The instance whose agent is to answer, as it was when claims began; None if it came while others were claimed."""


@dataclass(frozen=True)
class Bounds:
    """How many runs may be at work at a time."""

    owner: int
    """Of one account."""
    instance: int


_ASKED: Final = func.claim_runs(
    bindparam("lease_owner", type_=Text),
    bindparam("room", type_=Integer),
    bindparam("seconds", type_=Double),
    bindparam("of_owner", type_=Integer),
    bindparam("of_instance", type_=Integer),
).table_valued(*(column(each.name, each.type) for each in runs.c), name="claimed")

_CLAIM: Final = told.addressed(_ASKED, _ASKED.c.instance_id).execution_options(last=True, prepared=True)


_ANY_OPEN: Final = text("select exists (select from runs where status in ('queued', 'running', 'input_required'))")


def any_open(db: SharedDb) -> bool:
    """Return whether there is a run that hasn't ended. What else is looked for in vain costs a multiple of it."""
    return bool(db.execute(_ANY_OPEN).scalar_one())


def claim(db: SharedDb, lease_owner: str, *, room: int, bounds: Bounds, seconds: float) -> list[Claimed]:
    """Acquire leases on up to `room` runs whose turn it is, for `seconds`, and return them as they are then.

    That is committed in the same round trip: whoever is told of a run has it.
    """
    asked = {"lease_owner": lease_owner, "room": room, "seconds": seconds}
    found = db.execute(_CLAIM, asked | {"of_owner": bounds.owner, "of_instance": bounds.instance}).mappings()
    return sorted((Claimed(Run.of(row), Addressee.of(row)) for row in found), key=lambda claimed: claimed.run.id)


_RENEW: Final = text(
    """
    update runs set lease_expires_at = clock_timestamp() + make_interval(secs => :seconds)
    from unnest(cast(:ids as text[]), cast(:tokens as bigint[])) as held(run_id, token)
    where runs.id = held.run_id and runs.lease_token = held.token and runs.lease_owner is not null
    returning runs.id, runs.cancel_reason
    """
).execution_options(prepared=True)


def renew(db: SharedDb, held: Sequence[Run], seconds: float) -> dict[str, str | None]:
    """Have leases last for `seconds` from now; return those that weren't lost, and why each is to be cancelled."""
    told = {"ids": [run.id for run in held], "tokens": [run.lease_token for run in held], "seconds": seconds}
    return {row.id: row.cancel_reason for row in db.execute(_RENEW, told)}


def give_back(db: SharedDb, run: Run, because: Explanation, *, due_in: float) -> None:
    """End the lease on a run that no agent was told of: the attempt doesn't count, and it is due in so many seconds.

    Its reason is changed without an event, since it may be so many times a minute.
    """
    columns = recording.FREE | {
        "attempt": runs.c.attempt - 1,
        "reason": because.reason,
        "explanation": because.explanation,
        "due_at": recording.after(due_in),
    }
    db.execute(
        update(runs)
        .where(runs.c.id == run.id, runs.c.lease_token == run.lease_token, runs.c.status == "queued")
        .values(columns)
    )


# Of an instance that is to stop or is gone nothing goes on: the newest entry of its history says who wanted that.
_TO_CANCEL: Final = text(
    """
    select runs.*, last.reason as stop_reason, last.actor as stopped_by
    from runs join instances on instances.id = runs.instance_id
    cross join lateral (
      select reason, actor from instance_events where instance_id = instances.id and kind = 'desired_state'
      order by id desc limit 1
    ) as last
    where runs.status in ('queued', 'running', 'input_required') and runs.cancel_reason is null
      and instances.desired_state <> 'running'
      and (cast(:instance_id as text) is null or instances.id = :instance_id)
    order by runs.id limit :most for update of runs skip locked
    """
)

_OVERDUE: Final = text(
    """
    select * from runs
    where (lease_expires_at < clock_timestamp() and lease_owner is not null)
      or (deadline_at < clock_timestamp() and deadline_at is not null and lease_owner is null)
    order by id limit :most for update skip locked
    """
)


class Stopped(Run):
    """A run whose instance is to stop."""

    stop_reason: str
    stopped_by: str


def of_stopped(db: SharedDb, *, instance_id: str | None = None, most: int = 500) -> list[Stopped]:
    """Return runs, locked, that are to be cancelled because their instances are to stop; of one, or of all."""
    found = db.execute(_TO_CANCEL, {"instance_id": instance_id, "most": most}).mappings()
    return sorted((Stopped.of(row) for row in found), key=settling)


def overdue(db: SharedDb, *, most: int = 500) -> list[Run]:
    """Return runs, locked, whose runner is gone, or that nobody works on and whose deadline has passed."""
    return sorted((Run.of(row) for row in db.execute(_OVERDUE, {"most": most}).mappings()), key=settling)


def settling(run: Run) -> tuple[str, str, str]:
    """Return the key in whose order one transaction ends runs.

    Sums of accounts and instances are locked with each, so that in another order two transactions could wait for each
    other.
    """
    return run.owner_id, run.instance_id, run.id


def ask_to_cancel(db: SharedDb, run: Run, reason: Reason, by: str) -> None:
    """Have the runner of a run, which is locked, cancel it."""
    db.execute(update(runs).where(runs.c.id == run.id).values(cancel_reason=reason, cancelled_by=by))
