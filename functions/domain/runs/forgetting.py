"""Forgetting runs: those that are old, and those of an instance that is deleted."""

from typing import Final

from sqlalchemy import text

from core.configuration import setting
from functions.domain.databases import SharedDb

DAYS_SETTING: Final = "RUN_DAYS"
"""For how many days runs are kept after their end."""

DAYS: Final = 30

AT_ONCE: Final = 1000
"""Runs of an instance that are deleted with it. If there are more, the pruning takes the rest."""


def days() -> int:
    """Return for how many days runs are kept; the functions in the database take less than one for one."""
    return int(setting(DAYS_SETTING, "") or DAYS)


def forget(db: SharedDb, most: int) -> int:
    """Forget up to so many runs that are too old or whose instance is deleted, and as many conversations.

    Return how many it were of what there were most of.
    """
    return int(db.scalar(text("select forget_runs(:most, :days)"), {"most": most, "days": days()}) or 0)


def forget_one(db: SharedDb, run_id: str) -> bool:
    """Forget a run that has ended, with all that was said; return whether there was one."""
    return bool(db.scalar(text("select forget_run(:id)"), {"id": run_id}))


def rotate(db: SharedDb) -> int:
    """Make the partitions of events that are needed next, and drop those that are too old; return how many."""
    return int(db.scalar(text("select rotate_run_events(:days)"), {"days": days()}) or 0)


_DELETE: Final = text(
    """
    with old as (
      select id from runs where instance_id = :instance_id and ended_at is not null limit :most
    ), said as (
      delete from run_events using old where run_id = old.id
    )
    delete from runs using old where runs.id = old.id
    """
)

_DELETE_CONVERSATIONS: Final = text(
    "delete from conversations where instance_id = :instance_id"
    " and not exists (select from runs where conversation_id = conversations.id)"
)

_DELETE_BUDGET: Final = text("delete from budgets where instance_id = :instance_id")


def delete_with(db: SharedDb, instance_id: str) -> None:
    """Delete the runs, conversations and budget of an instance whose deletion is recorded in the same transaction."""
    db.execute(_DELETE, {"instance_id": instance_id, "most": AT_ONCE})
    db.execute(_DELETE_CONVERSATIONS, {"instance_id": instance_id})
    db.execute(_DELETE_BUDGET, {"instance_id": instance_id})
