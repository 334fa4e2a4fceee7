"""Recording what happens in runs: statuses, each with its event in the run and its CloudEvent, and what agents say.

Everything here is written by one statement for each run that is guarded: by the row's lock where a person acts, by the
fencing token of the lease where a runner does. What is refused was somebody else's to write.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Final

from pydantic import JsonValue
from sqlalchemy import Float, bindparam, func, insert, select, text, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from events.catalog.runs import PushNotificationFallenDue, RunStatusChanged
from events.outbox import emit
from functions.domain.databases import SharedDb
from functions.domain.runs.reasons import Explanation
from shared_psql_models.push_configs import push_configs
from shared_psql_models.runs import ENDED, EventType, Run, RunEvent, RunStatus, run_events, runs

FREE: Final[dict[str, object]] = {
    "lease_owner": None,
    "lease_expires_at": None,
    "lease_token": runs.c.lease_token + 1,
}
"""What ends a lease: whoever had it writes nothing any more."""


@dataclass(frozen=True)
class Change:
    """A status that a run is to have."""

    status: RunStatus
    because: Explanation
    deadline_in: float | None = None
    """Seconds until it is given up; None for one that stays."""
    columns: Mapping[str, object] = field(default_factory=dict)
    """What else is written into its row: values, no expressions."""
    frees: bool = False
    """Whether its lease ends."""
    due_in: float | None = None
    """Seconds after which its next turn may come; None leaves that as it is."""
    told: Mapping[str, JsonValue] = field(default_factory=dict)
    """What else its event tells."""
    before: Sequence[tuple[EventType, Mapping[str, JsonValue]]] = ()
    """Events that come before that of the status."""
    behind: Sequence[tuple[EventType, Mapping[str, JsonValue]]] = ()
    """Events that come behind it."""
    keeps_reply: bool = False
    """Whether what the agent has said up to now stays, and belongs to the reply."""
    drops_reply: bool = False
    """Whether what it has said since the reply was last kept is void."""


@dataclass(frozen=True)
class Piece:
    """What happens in a run, numbered."""

    sequence: int
    at: datetime
    type: EventType
    data: Mapping[str, JsonValue]


def record(db: SharedDb, run: Run, change: Change) -> list[Piece] | None:
    """Give a run, which is locked or leased, another status; return the events that tell it.

    None if its lease was lost, and nothing was written.
    """
    last = run.last_sequence + len(change.before) + 1 + len(change.behind)
    columns: dict[str, object] = {
        "status": change.status,
        "reason": change.because.reason,
        "explanation": change.because.explanation,
        "last_sequence": last,
        **change.columns,
    }
    if change.keeps_reply or change.drops_reply:
        columns["reply_sequence"] = last
    statement = _change(
        ends=change.status in ENDED,
        frees=change.frees,
        keeps_reply=change.keeps_reply,
        falls_due=change.due_in is not None,
    )
    told = {"of": run.id, "held": run.lease_token, "behind": run.last_sequence, "patience": change.deadline_in}
    if change.due_in is not None:
        told["due_in"] = change.due_in
    written = db.execute(statement, columns | told).first()
    if written is None:
        return None
    events = _events(run, change, run.last_sequence, written.deadline_at)
    _tell(db, run, run.status, change, events)
    # As the row has it now: that somebody wants to know may be newer than what a runner knows of the run.
    if written.notifies:
        _notify(db, run.id, last)
    return events


def begin(db: SharedDb, run: Run, because: Explanation) -> RunEvent:
    """Tell that there is a new run, and return its first event, which this is."""
    change = Change(run.status, because)
    [first] = _events(run, change, 0)
    _tell(db, run, None, change, [first])
    return RunEvent(run_id=run.id, sequence=first.sequence, at=first.at, type=first.type, data=dict(first.data))


def _events(run: Run, change: Change, after: int, deadline_at: datetime | None = None) -> list[Piece]:
    """Return the events that tell a change, numbered after another; `deadline_at` is when its status is given up."""
    now = datetime.now(UTC)
    told = [*change.before, (EventType.STATUS, _status(run, change, deadline_at)), *change.behind]
    return [Piece(after + number, now, kind, data) for number, (kind, data) in enumerate(told, start=1)]


def _tell(db: SharedDb, run: Run, previous: RunStatus | None, change: Change, events: Sequence[Piece]) -> None:
    """Add the events of a change to the run, and emit that it has another status."""
    for each in events:
        db.execute(_ADD_EVENT, {"run_id": run.id, **vars(each)})
    because = change.because
    emit(
        db,
        RunStatusChanged(
            run_id=run.id,
            instance_id=run.instance_id,
            owner_id=run.owner_id,
            conversation_id=run.conversation_id,
            previous=previous,
            status=change.status,
            reason=because.reason,
            explanation=because.explanation,
            attempt=run.attempt,
            last_sequence=events[-1].sequence,
        ),
    )


_ADD_EVENT: Final = insert(run_events).execution_options(unanswered=True)


def _notify(db: SharedDb, run_id: str, sequence: int) -> None:
    """Emit that push notifications of a status are due: one for each place, so that none waits for another."""
    column = push_configs.c
    for config_id in db.scalars(select(column.subject).where(column.run_id == run_id).order_by(column.subject)).all():
        emit(db, PushNotificationFallenDue(push_config_id=config_id, run_id=run_id, last_sequence=sequence))


def _status(run: Run, change: Change, deadline_at: datetime | None) -> dict[str, JsonValue]:
    because = change.because
    told: dict[str, JsonValue] = {
        "status": change.status.value,
        "reason": because.reason.value,
        "explanation": because.explanation,
        "attempt": run.attempt,
    }
    if change.status == RunStatus.INPUT_REQUIRED and deadline_at is not None:
        # Whoever is to answer has to know until when; a later reader can't see it in the row, which has gone on.
        told["deadline_at"] = deadline_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {**told, **change.told}


# What was said up to now, after what stays of earlier: aggregated by Postgres, so that no runner has to keep it.
_REPLY: Final = text(
    "coalesce(reply, '') || coalesce((select string_agg(said.data->>'text', '' order by said.sequence)"
    " from run_events as said where said.run_id = runs.id and said.sequence > runs.reply_sequence"
    " and said.type = 'text'), '')"
)


def after(seconds: float | BindParameter[float] | None) -> ColumnElement[datetime] | None:
    """Return the time in so many seconds by the database's clock; None for None."""
    return None if seconds is None else func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


@cache
def _change(*, ends: bool, frees: bool, keeps_reply: bool, falls_due: bool) -> ReturningUpdate[tuple[datetime, bool]]:
    """Return the statement that gives a run another status: built once, since that takes far longer than to run it.

    Columns that are set to values are those that it is run with.
    """
    expressions: dict[str, object] = {
        "status_at": func.clock_timestamp(),
        "deadline_at": after(bindparam("patience", type_=Float)),
    }
    if ends:
        expressions["ended_at"] = func.clock_timestamp()
    if frees:
        expressions |= FREE
    if keeps_reply:
        expressions["reply"] = _REPLY
    if falls_due:
        expressions["due_at"] = after(bindparam("due_in", type_=Float))
    guard = (
        runs.c.id == bindparam("of"),
        runs.c.lease_token == bindparam("held"),
        runs.c.last_sequence == bindparam("behind"),
    )
    return update(runs).where(*guard).values(expressions).returning(runs.c.deadline_at, runs.c.notifies)


@dataclass(frozen=True)
class Batch:
    """Pieces of one run, in their order and without gaps."""

    run_id: str
    lease_token: int
    pieces: Sequence[Piece]


# The number before the first is the row's last one: so nothing is written twice, nor after a gap.
_APPEND: Final = text(
    """
    with told as (
      select * from jsonb_to_recordset(cast(:batches as jsonb))
        as told(run_id text, token bigint, first bigint, last bigint)
    ), held as (
      update runs set last_sequence = told.last
      from told
      where runs.id = told.run_id and runs.lease_token = told.token and runs.last_sequence = told.first - 1
        and runs.status = 'running'
      returning runs.id
    )
    insert into run_events (run_id, sequence, at, type, data)
    select run_id, sequence, at, type, data
    from jsonb_to_recordset(cast(:pieces as jsonb))
      as piece(run_id text, sequence bigint, at timestamptz, type text, data jsonb)
    join held on held.id = piece.run_id
    returning run_id, sequence
    """
)

_WRITTEN: Final = text(
    "select id from runs join unnest(cast(:ids as text[]), cast(:tokens as bigint[]), cast(:lasts as bigint[]))"
    " as told(run_id, token, last) on id = run_id and lease_token = token and last_sequence >= last"
)


def append(db: SharedDb, batches: Sequence[Batch]) -> set[str]:
    """Add what agents have said to their runs, which are running; return the runs whose leases were lost.

    What was written before, though its answer was lost, is not written again.
    """
    told = [
        {
            "run_id": each.run_id,
            "token": each.lease_token,
            "first": each.pieces[0].sequence,
            "last": each.pieces[-1].sequence,
        }
        for each in batches
    ]
    pieces = [
        {
            "run_id": each.run_id,
            "sequence": piece.sequence,
            "at": piece.at.isoformat(),
            "type": piece.type,
            "data": piece.data,
        }
        for each in batches
        for piece in each.pieces
    ]
    found = db.execute(_APPEND, {"batches": json.dumps(told), "pieces": json.dumps(pieces)})
    missing = {each.run_id: each for each in batches}
    for row in found:
        missing.pop(row.run_id, None)
    if missing:
        asked = {
            "ids": list(missing),
            "tokens": [each.lease_token for each in missing.values()],
            "lasts": [each.pieces[-1].sequence for each in missing.values()],
        }
        for written in db.scalars(_WRITTEN, asked):
            del missing[written]
    return set(missing)
