"""What administrators see of everybody's runs, and ask of them: without anything that was said in one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import literal_column, select

from functions.domain.databases import SharedDb
from functions.domain.runs import commands
from functions.domain.runs.reading import Of, has_status
from functions.domain.runs.reasons import Reason, because
from shared_psql_models.runs import Run, RunStatus, runs


class RunTrouble(StrEnum):
    """What is the matter with a run."""

    STUCK = "stuck"
    """Its runner is gone, and no other has taken it over yet."""
    OVERDUE = "overdue"
    """Its deadline has passed, and nobody has ended it yet."""
    AWAITING_INPUT = "awaiting_input"
    """Its agent has asked for something, and waits for the answer."""


# Each condition stands as that of the index stands, by which it is found.
CONDITIONS: Final = {
    RunTrouble.STUCK: "runs.lease_owner is not null and runs.lease_expires_at < now()",
    RunTrouble.OVERDUE: "runs.deadline_at is not null and runs.deadline_at < now()",
    RunTrouble.AWAITING_INPUT: "runs.status = 'input_required'",
}


@dataclass(frozen=True)
class Filter:
    """Which runs; None stands for any."""

    owner_id: str | None = None
    instance_id: str | None = None
    version_id: str | None = None
    status: RunStatus | None = None
    trouble: RunTrouble | None = None


def search(db: SharedDb, wanted: Filter, *, before: str | None, limit: int) -> list[Run]:
    """Return runs, newest first; `before` is the id that the page before ended with."""
    query = select(runs).order_by(runs.c.id.desc()).limit(limit)
    of = {
        runs.c.owner_id: wanted.owner_id,
        runs.c.instance_id: wanted.instance_id,
        runs.c.version_id: wanted.version_id,
    }
    for column, value in of.items():
        if value is not None:
            query = query.where(column == value)
    if wanted.status is not None:
        query = query.where(has_status(wanted.status))
    if wanted.trouble is not None:
        query = query.where(literal_column(f"({CONDITIONS[wanted.trouble]})"))
    if before is not None:
        query = query.where(runs.c.id < before)
    return [Run.of(row) for row in db.execute(query).mappings()]


def cancel(db: SharedDb, run_id: str, given: str) -> Run:
    """Cancel a run: at once unless its agent is at work, which a runner then ends. Return it as it is now.

    Its owner reads the words that are given, unless a runner ends it. Raises RunNotFound, RunEnded.
    """
    return commands.cancel(db, run_id, Of(), because(Reason.CANCELLED_BY_ADMINISTRATOR, given))
