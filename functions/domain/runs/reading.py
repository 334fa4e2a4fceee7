"""Reading runs, their events, and conversations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Boolean, ColumnElement, RowMapping, bindparam, exists, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from functions.domain.api_errors import NotFound
from functions.domain.databases import SharedDb
from functions.domain.instances.reading import PRESENT, InstanceNotFound
from shared_psql_models.instances import instances
from shared_psql_models.runs import Conversation, Run, RunEvent, RunStatus, conversations, run_events, runs

OPEN: Final = runs.c.status.in_([RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.INPUT_REQUIRED])
"""What hasn't ended: the condition of indexes."""

AT_ONCE: Final = 1000
"""Events that are read at a time where all are."""


class RunNotFound(NotFound):
    """There is no such run, or it isn't yours."""


class ConversationNotFound(NotFound):
    """There is no such conversation, or it isn't yours."""


@dataclass(frozen=True)
class Of:
    """Whose run; None stands for anybody's."""

    owner_id: str | None = None
    instance_id: str | None = None


def find(db: SharedDb, run_id: str, of: Of) -> Run:
    """Return a run. Raises RunNotFound."""
    return Run.of(_one(db, run_id, of, lock=False))


def locked(db: SharedDb, run_id: str, of: Of) -> Run:
    """Return a run, locked. Raises RunNotFound."""
    return Run.of(_one(db, run_id, of, lock=True))


def _one(db: SharedDb, run_id: str, of: Of, *, lock: bool) -> RowMapping:
    query = select(runs).where(runs.c.id == run_id)
    if of.owner_id is not None:
        query = query.where(runs.c.owner_id == of.owner_id, is_there(runs.c.instance_id))
    if of.instance_id is not None:
        query = query.where(runs.c.instance_id == of.instance_id)
    row = db.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise RunNotFound
    return row


def is_there(instance_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that an instance isn't deleted: nobody is shown what was said to one that is."""
    return exists().where(instances.c.id == instance_id, PRESENT)


def check_instance(db: SharedDb, instance_id: str, *, owner_id: str | None = None) -> None:
    """Raise InstanceNotFound unless there is an instance, of this owner's if one is given, that isn't deleted."""
    query = select(instances.c.id).where(instances.c.id == instance_id, PRESENT)
    if owner_id is not None:
        query = query.where(instances.c.owner_id == owner_id)
    if db.execute(query).first() is None:
        raise InstanceNotFound


def place(db: SharedDb, run: Run) -> int | None:
    """Return how many runs of its conversation come first, itself included; None unless it waits."""
    if run.status != RunStatus.QUEUED:
        return None
    if run.position == 1:
        return 1
    before = (runs.c.conversation_id == run.conversation_id, runs.c.position <= run.position, OPEN)
    return int(db.scalar(select(func.count()).select_from(runs).where(*before)) or 1)


def events(db: SharedDb, run_id: str, *, after: int, limit: int) -> list[RunEvent]:
    """Return a run's events with higher numbers than `after`, in their order."""
    found = db.execute(_EVENTS, {"run_id": run_id, "after": after, "most": limit}).mappings()
    return [RunEvent.of(row) for row in found]


# Built once: this and the state are asked for many times for each run.
_EVENTS: Final = (
    select(run_events)
    .where(run_events.c.run_id == bindparam("run_id"), run_events.c.sequence > bindparam("after"))
    .order_by(run_events.c.sequence)
    .limit(bindparam("most"))
)


def all_events(db: SharedDb, run_id: str, *, until: int | None = None) -> Iterator[RunEvent]:
    """Yield a run's events in their order, read piece by piece; with `until` those up to this number."""
    seen = 0
    while until is None or seen < until:
        limit = AT_ONCE if until is None else min(AT_ONCE, until - seen)
        found = events(db, run_id, after=seen, limit=limit)
        yield from found
        if len(found) < limit:
            return
        seen = found[-1].sequence


def text_so_far(db: SharedDb, run: Run) -> str:
    """Return the text of a run's reply, as far as it has come."""
    if run.reply_sequence == run.last_sequence or run.attempt == 0:
        # It is all in the row, or there can be none yet.
        return run.reply or ""
    ordered = aggregate_order_by(literal(""), run_events.c.sequence)
    query = select(func.string_agg(run_events.c.data["text"].astext, ordered)).where(
        run_events.c.run_id == run.id, run_events.c.sequence > run.reply_sequence, run_events.c.type == "text"
    )
    return (run.reply or "") + str(db.scalar(query) or "")


def of_instance(
    db: SharedDb, instance_id: str, *, status: RunStatus | None, before: str | None, limit: int
) -> list[Run]:
    """Return runs of an instance, newest first; `before` is the id that the page before ended with."""
    query = select(runs).where(runs.c.instance_id == instance_id)
    if status is not None:
        query = query.where(runs.c.status == status)
    if before is not None:
        query = query.where(runs.c.id < before)
    return [Run.of(row) for row in db.execute(query.order_by(runs.c.id.desc()).limit(limit)).mappings()]


def of_owner(
    db: SharedDb,
    owner_id: str,
    *,
    instance_id: str | None,
    status: RunStatus | None,
    before: str | None,
    limit: int,
) -> list[Run]:
    """Return runs of an owner's instances, newest first; `before` is the id that the page before ended with."""
    query = select(runs).where(runs.c.owner_id == owner_id, is_there(runs.c.instance_id))
    if instance_id is not None:
        query = query.where(runs.c.instance_id == instance_id)
    if status is not None:
        query = query.where(has_status(status))
    if before is not None:
        query = query.where(runs.c.id < before)
    return [Run.of(row) for row in db.execute(query.order_by(runs.c.id.desc()).limit(limit)).mappings()]


def has_status(status: RunStatus) -> ColumnElement[bool]:
    """Return the condition that a run is in a status.

    As it is, and not as a value: so Postgres sees which of the indexes of some statuses has it.
    """
    return literal_column(f"runs.status = '{status.value}'", Boolean())


def conversation(db: SharedDb, conversation_id: str, *, owner_id: str) -> Conversation:
    """Return a conversation of an owner's. Raises ConversationNotFound."""
    query = select(conversations).where(conversations.c.id == conversation_id, conversations.c.owner_id == owner_id)
    query = query.where(is_there(conversations.c.instance_id))
    row = db.execute(query).mappings().first()
    if row is None:
        raise ConversationNotFound
    return Conversation.of(row)


def conversations_of(db: SharedDb, instance_id: str, *, before: str | None, limit: int) -> list[Conversation]:
    """Return conversations with an instance, newest first; `before` is the id that the page before ended with."""
    query = select(conversations).where(conversations.c.instance_id == instance_id)
    if before is not None:
        query = query.where(conversations.c.id < before)
    found = db.execute(query.order_by(conversations.c.id.desc()).limit(limit)).mappings()
    return [Conversation.of(row) for row in found]


def runs_of(db: SharedDb, conversation_id: str, *, until: int | None, limit: int) -> list[Run]:
    """Return the runs of a conversation, newest first; with `until` those up to this position."""
    query = select(runs).where(runs.c.conversation_id == conversation_id)
    if until is not None:
        query = query.where(runs.c.position <= until)
    return [Run.of(row) for row in db.execute(query.order_by(runs.c.position.desc()).limit(limit)).mappings()]


@dataclass(frozen=True)
class State:
    """How far a run has come."""

    status: RunStatus
    last_sequence: int


def state(db: SharedDb, run_id: str) -> State:
    """Return how far a run has come. Raises RunNotFound."""
    row = db.execute(_STATE, {"run_id": run_id}).first()
    if row is None:
        raise RunNotFound
    return State(RunStatus(row.status), row.last_sequence)


_STATE: Final = select(runs.c.status, runs.c.last_sequence).where(runs.c.id == bindparam("run_id"))
