"""Finding tasks: a run of an owner's instance, with its events taken in up to a number."""

from collections.abc import Callable

from functions.domain.a2a import contexts
from functions.domain.a2a.errors import TaskNotFound
from functions.domain.a2a.tasks import Task
from functions.domain.databases import SharedDb
from functions.domain.runs import reading
from functions.domain.runs.reading import Of, RunNotFound
from shared_psql_models.runs import Run


def run(db: SharedDb, task_id: str, of: Of) -> Run:
    """Return the run that is the task. Raises TaskNotFound."""
    return _found(reading.find, db, task_id, of)


def locked(db: SharedDb, task_id: str, of: Of) -> Run:
    """Return the run that is the task, locked. Raises TaskNotFound."""
    return _found(reading.locked, db, task_id, of)


def _found(look: Callable[[SharedDb, str, Of], Run], db: SharedDb, task_id: str, of: Of) -> Run:
    try:
        return look(db, task_id, of)
    except RunNotFound:
        raise TaskNotFound(f"There is no task {task_id!r} of this agent, or it isn't yours.") from None


def task(db: SharedDb, found: Run, *, until: int | None = None) -> Task:
    """Return a run as a task, as it is after the event of this number; None stands for now."""
    known = Task(found, contexts.of_run(db, found))
    for event in reading.all_events(db, found.id, until=until):
        known.take(event)
    return known
