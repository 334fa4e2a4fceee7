"""Troubles: what an instance may have that somebody has to look at. Each is found by an index of its own."""

from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, literal_column, select, text

from functions.domain.databases import SharedDb
from shared_psql_models.instances import instances
from shared_psql_models.operators import kill_switches


class InstanceTrouble(StrEnum):
    """What is the matter with an instance."""

    STUCK = "stuck"
    """What is on its way has not come about by its deadline."""
    OVERDUE = "overdue"
    """A worker should have looked at it a minute ago."""
    ORPHANED = "orphaned"
    """It runs, and the platform has nothing of its version, which is an image."""
    FAILING = "failing"
    """Its agent didn't start: it is tried again, or was given up."""
    AWAITING_INPUT = "awaiting_input"
    """One of its runs waits for an answer to what its agent has asked."""
    OVER_BUDGET = "over_budget"
    """A budget that it is under has no room for another run."""
    STOPPED_BY_OPERATOR = "stopped_by_operator"
    """A kill switch or its account's suspension concerns it."""
    QUARANTINED = "quarantined"
    """An administrator has set it apart."""


# Each condition stands as that of the index stands, by which it is found.
_CONDITIONS: Final = {
    InstanceTrouble.STUCK: "instances.deadline_at < now()",
    InstanceTrouble.OVERDUE: "instances.status <> 'deleted' and instances.due_at < now() - interval '60 seconds'",
    InstanceTrouble.FAILING: "instances.attempts > 0 and instances.desired_state = 'running'",
    InstanceTrouble.AWAITING_INPUT: "instances.id in (select instance_id from runs where status = 'input_required')",
    InstanceTrouble.QUARANTINED: "instances.quarantined_at is not null",
}

_ALL_STOPPED: Final = text("select exists (select from kill_switches where released_at is null and target = '')")

_NOT_DEPLOYED: Final = text(
    """
    select id from agent_versions where image is not null and not exists (
      select from version_deployments where version_id = agent_versions.id and deployed_at is not null) order by id
    """
)

# A budget that was counted in a period which is over has room.
_EXHAUSTED: Final = text(
    "select owner_id, instance_id from budgets"
    " where exhausted and begins >= date_trunc(period, now() at time zone 'utc')::date order by owner_id, instance_id"
)


def condition(db: SharedDb, trouble: InstanceTrouble) -> ColumnElement[bool]:
    """Return the condition that an instance has a trouble.

    Whom some are about is asked before: Postgres finds the instances of some owners or versions by indexes if it is
    given their ids.
    """
    match trouble:
        case InstanceTrouble.STOPPED_BY_OPERATOR:
            return _stopped(db)
        case InstanceTrouble.ORPHANED:
            runs: ColumnElement[bool] = literal_column("instances.status in ('running', 'updating')")
            return instances.c.version_id.in_(list(db.scalars(_NOT_DEPLOYED))) & runs
        case InstanceTrouble.OVER_BUDGET:
            budgets = db.execute(_EXHAUSTED).all()
            whole = {each.owner_id for each in budgets if each.instance_id is None}
            single = {each.instance_id for each in budgets if each.instance_id is not None}
            return instances.c.owner_id.in_(sorted(whole)) | instances.c.id.in_(sorted(single))
        case _:
            return literal_column(f"({_CONDITIONS[trouble]})")


def _stopped(db: SharedDb) -> ColumnElement[bool]:
    if db.scalar(_ALL_STOPPED):
        return literal_column("true")
    engaged = select(kill_switches.c.target).where(kill_switches.c.released_at.is_(None))
    targets = list(db.scalars(engaged.order_by(kill_switches.c.target)))
    return instances.c.owner_id.in_(targets) | instances.c.version_id.in_(targets)
