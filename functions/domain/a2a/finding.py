"""Finding tasks: a run of an owner's instance, with its events taken in up to a number."""

from typing import Final

from functions.domain.a2a import contexts
from functions.domain.a2a.errors import TaskNotFound
from functions.domain.a2a.tasks import Task
from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from functions.domain.runs.reading import Of, RunNotFound
from shared_psql_models.runs import Run

AT_ONCE: Final = 1000
"""Events that are read at a time."""


def run(db: SharedDb, task_id: str, of: Of) -> Run:
    """Return the run that is the task. Raises TaskNotFound."""
    try:
        return reading.find(db, task_id, of)
    except RunNotFound:
        raise TaskNotFound(f"There is no task {task_id!r} of this agent, or it isn't yours.") from None


def task(db: SharedDb, found: Run, *, until: int | None = None) -> Task:
    """Return a run as a task, as it is after the event of this number; None stands for now."""
    known = Task(found, contexts.of_run(db, found))
    while until is None or known.sequence < until:
        limit = AT_ONCE if until is None else min(AT_ONCE, until - known.sequence)
        events = reading.events(db, found.id, after=known.sequence, limit=limit)
        for event in events:
            known.take(event)
        if len(events) < limit:
            break
    return known
