"""Kill switches: by which operators say that something is not to run, and it doesn't, from that moment on.

A switch refuses by being looked up: however many instances it concerns, none takes a message or is started once it is
committed. Those that run are asked to stop after that, many at a time.
"""

from enum import StrEnum
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core import context
from core.ids import new_id
from events.outbox import emit
from functions.domain.api_errors import Conflict, NotFound
from functions.domain.databases import SharedDb
from functions.domain.instances.deadlines import DEADLINES
from functions.domain.instances.reasons import Reason, explain
from shared_psql_models.instances import instances
from shared_psql_models.operators import KillSwitch, kill_switches
from shared_psql_models.statuses import Status

BATCH: Final = 1000
"""Instances that are asked to stop in one transaction."""


class Scope(StrEnum):
    """What a switch concerns."""

    EVERYTHING = "everything"
    OWNER = "owner"
    """The instances of one account."""
    VERSION = "version"
    """The instances of one version of an agent."""
    SUSPENSION = "suspension"
    """The instances of an account that is suspended, for as long as it is."""


class StoppedByOperator(Conflict):
    """Whoever runs this service has stopped this: `detail` says why."""


class KillSwitchNotFound(NotFound):
    """There is no such kill switch."""


class KillSwitchEngagedAlready(Conflict):
    """There is such a kill switch already, and it is engaged."""


def check(db: SharedDb, owner_id: str, version_id: str) -> None:
    """Refuse to start an instance that isn't to run. Raises StoppedByOperator.

    A switch that is being engaged meanwhile waits until the transaction ends, and then stops what it has started.
    """
    db.execute(_LOCK_SHARED, {"key": _KEY})
    refuse(db.scalar(_SWITCH_TO_START, {"owner_id": owner_id, "version_id": version_id}))


def refuse(reason: str | None) -> None:
    """Raise StoppedByOperator, if there is a reason for it."""
    if reason is not None:
        raise StoppedByOperator(f"Whoever runs this service has stopped this: {reason}")


def engage(db: SharedDb, scope: Scope, target: str, reason: str) -> KillSwitch:
    """Engage a switch, whose reason those who are concerned may read. Raises KillSwitchEngagedAlready.

    `target` is an account's or a version's id, and empty for everything.
    """
    from events.catalog.kill_switches import KillSwitchEngaged

    db.execute(_LOCK, {"key": _KEY})
    row = {
        "id": new_id("kil"),
        "scope": scope.value,
        "target": target,
        "reason": reason,
        "engaged_by": context.current().actor,
    }
    added = insert(kill_switches).values(row).on_conflict_do_nothing().returning(kill_switches)
    engaged = db.execute(added).mappings().first()
    if engaged is None:
        raise KillSwitchEngagedAlready
    emit(db, KillSwitchEngaged(kill_switch_id=row["id"], concerns=scope.value, target=target, reason=reason))
    return KillSwitch.of(engaged)


def locked(db: SharedDb, kill_switch_id: str) -> KillSwitch:
    """Return a switch that stays as it is until the transaction ends. Raises KillSwitchNotFound."""
    query = select(kill_switches).where(kill_switches.c.id == kill_switch_id).with_for_update()
    found = db.execute(query).mappings().first()
    if found is None:
        raise KillSwitchNotFound
    return KillSwitch.of(found)


def release(db: SharedDb, kill_switch_id: str, reason: str) -> KillSwitch:
    """Release a switch; one that is released stays so. What it has stopped stays stopped. Raises KillSwitchNotFound."""
    from events.catalog.kill_switches import KillSwitchReleased

    found = locked(db, kill_switch_id)
    if found.released_at is not None:
        return found
    released = {"released_at": func.now(), "released_by": context.current().actor}
    statement = update(kill_switches).where(kill_switches.c.id == kill_switch_id).values(released)
    facts = {"kill_switch_id": kill_switch_id, "concerns": found.scope, "target": found.target}
    emit(db, KillSwitchReleased(**facts, reason=reason))
    return KillSwitch.of(db.execute(statement.returning(kill_switches)).mappings().one())


def release_suspension(db: SharedDb, account_id: str, reason: str) -> None:
    """Release the switch of an account's suspension, if there is one."""
    same = (kill_switches.c.scope == Scope.SUSPENSION.value, kill_switches.c.target == account_id)
    engaged = db.scalar(select(kill_switches.c.id).where(*same, kill_switches.c.released_at.is_(None)))
    if engaged is not None:
        release(db, engaged, reason)


def search(db: SharedDb, *, engaged: bool | None, after: str | None, limit: int) -> list[KillSwitch]:
    """Return switches, newest first: those that are engaged, those that aren't, or all."""
    query = select(kill_switches).order_by(kill_switches.c.id.desc()).limit(limit)
    if engaged is not None:
        at = kill_switches.c.released_at
        query = query.where(at.is_(None) if engaged else at.is_not(None))
    if after is not None:
        query = query.where(kill_switches.c.id < after)
    return [KillSwitch.of(row) for row in db.execute(query).mappings()]


def apply(db: SharedDb, kill_switch_id: str) -> None:
    """Ask as many as BATCH of the instances that a switch concerns to stop, unless it was released meanwhile.

    Says how many those were, and whether there may be more.
    """
    from events.catalog.kill_switches import KillSwitchApplied

    query = select(kill_switches).where(kill_switches.c.id == kill_switch_id, kill_switches.c.released_at.is_(None))
    found = db.execute(query).mappings().first()
    if found is None:
        return
    switch, now = KillSwitch.of(found), context.current()
    because = explain(Reason.STOPPED_BY_OPERATOR)
    stopped = int(
        db.scalar(
            _STOP,
            {
                "ids": [new_id("evt") for _ in range(BATCH)],
                "owner": switch.target if switch.scope in {Scope.OWNER, Scope.SUSPENSION} else None,
                "version": switch.target if switch.scope == Scope.VERSION else None,
                "reason": because.reason,
                "message": f"{because.message} {switch.reason}",
                "next": because.next,
                "seconds": DEADLINES[Status.STOPPING],
                "actor": now.actor,
                "traceparent": now.traceparent,
                "correlationid": now.correlation,
                "causationid": now.causation_id,
            },
        )
        or 0
    )
    emit(db, KillSwitchApplied(kill_switch_id=switch.id, stopped=stopped, finished=stopped < BATCH))


_KEY: Final = 7166423303
"""Of the advisory lock that whoever engages a switch holds alone, and those who start an instance together."""

_LOCK: Final = text("select pg_advisory_xact_lock(:key)")
_LOCK_SHARED: Final = text("select pg_advisory_xact_lock_shared(:key)")

_STOP: Final = text(
    "select stop_instances(cast(:ids as text[]), cast(:owner as text), cast(:version as text), :reason, :message,"
    " :next, cast(:seconds as integer), :actor, :traceparent, :correlationid, cast(:causationid as text))"
)


_SWITCH_TO_START: Final = text("select kill_switch_reason(null, :owner_id, :version_id)")

SWITCH: Final = func.kill_switch_reason(instances.c.id, instances.c.owner_id, instances.c.version_id)
"""Why a message to an instance is refused, for statements that read `instances`; null where nothing refuses it.

While an instance is being changed, both what serves and what shall serve count."""
