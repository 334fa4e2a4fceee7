"""Recording what happens in runs: statuses, each with its event in the run and its CloudEvent, and what agents say.

Everything here is written by one statement for each run that is guarded: by the row's lock where a person acts, by the
fencing token of the lease where a runner does. What is refused was somebody else's to write.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Final, Self

from pydantic import JsonValue
from sqlalchemy import (
    CTE,
    BigInteger,
    Float,
    Select,
    Text,
    bindparam,
    case,
    column,
    func,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from events import outbox
from events.catalog.runs import PushNotificationFallenDue, RunStatusChanged
from events.outbox import emit
from functions.domain.databases import SharedDb
from functions.domain.runs.reasons import Explanation
from shared_psql_models.push_configs import push_configs
from shared_psql_models.runs import ENDED, EventType, Run, RunEvent, RunStatus, run_events, runs
from shared_psql_models.tables import TIME

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


@dataclass(frozen=True)
class Begun:
    """A run that is new."""

    run: Run
    event: RunEvent
    """Its first event."""


@dataclass(frozen=True)
class _About:
    """The run that something is told of."""

    run_id: str
    instance_id: str
    owner_id: str
    conversation_id: str
    previous: RunStatus | None
    """None of a new one."""
    attempt: int
    last_sequence: int

    def told(self, change: Change, events: Sequence[Piece]) -> dict[str, object]:
        """Return the values of the part of a statement that `_telling` adds."""
        event = self.event(change, events)
        return {**outbox.values(event), "pieces": [_row(self.run_id, each) for each in events]}

    def event(self, change: Change, events: Sequence[Piece]) -> RunStatusChanged:
        """Return the CloudEvent's data that tells a change, as these events do."""
        because = change.because
        return RunStatusChanged(
            run_id=self.run_id,
            instance_id=self.instance_id,
            owner_id=self.owner_id,
            conversation_id=self.conversation_id,
            previous=self.previous,
            status=change.status,
            reason=because.reason,
            explanation=because.explanation,
            attempt=self.attempt,
            last_sequence=events[-1].sequence,
        )

    def events(self, change: Change) -> list[Piece]:
        """Return the events that tell a change, numbered."""
        now = datetime.now(UTC)
        status: dict[str, JsonValue] = {
            "status": change.status.value,
            "reason": change.because.reason.value,
            "explanation": change.because.explanation,
            "attempt": self.attempt,
            **change.told,
        }
        told = [*change.before, (EventType.STATUS, status), *change.behind]
        return [Piece(number, now, kind, data) for number, (kind, data) in enumerate(told, self.last_sequence + 1)]


def record(db: SharedDb, run: Run, change: Change, *, last: bool = False) -> list[Piece] | None:
    """Give a run, which is locked or leased, another status; return the events that tell it.

    None if its lease was lost, and nothing was written. With `last` the transaction may be over: it was committed in
    the same round trip.
    """
    ids = {"instance_id": run.instance_id, "owner_id": run.owner_id, "conversation_id": run.conversation_id}
    about = _About(run.id, **ids, previous=run.status, attempt=run.attempt, last_sequence=run.last_sequence)
    events = about.events(change)
    columns: dict[str, object] = {
        "status": change.status,
        "reason": change.because.reason,
        "explanation": change.because.explanation,
        "last_sequence": events[-1].sequence,
        **change.columns,
    }
    if change.keeps_reply or change.drops_reply:
        columns["reply_sequence"] = events[-1].sequence
    told = about.told(change, events) | {f"new_{name}": value for name, value in columns.items()}
    told |= {"of": run.id, "held": run.lease_token, "behind": run.last_sequence, "patience": change.deadline_in}
    if change.due_in is not None:
        told["due_in"] = change.due_in
    kind = _Kind.of(change, columns)
    if last and not run.notifies and db.execute(_change(kind, last=True), told).first() is not None:
        return events
    written = db.execute(_change(kind), told).first()
    if written is None:
        return None
    # As the row has it now: that somebody wants to know may be newer than what a runner knows of the run.
    if written.notifies:
        _notify(db, run.id, events[-1].sequence)
    return [_dated(each, written.until) for each in events] if kind.tells_until else events


def begin(db: SharedDb, row: Mapping[str, object], because: Explanation, *, last: bool = False) -> Begun | None:
    """Add a run, whose columns these are but for `deadline_at`, which `patience` tells; and tell that it is there.

    None, and nothing was added, if there is one with its key. With `last` the transaction is over: it was committed in
    the same round trip.
    """
    ids = {name: str(row[name]) for name in ("instance_id", "owner_id", "conversation_id")}
    about = _About(str(row["id"]), **ids, previous=None, attempt=0, last_sequence=0)
    change = Change(RunStatus.QUEUED, because)
    [first] = events = about.events(change)
    columns = {**row, "reason": because.reason, "explanation": because.explanation, "last_sequence": first.sequence}
    patience = columns.pop("patience")
    told = {"run": json.dumps(columns), "patience": patience, "first": json.dumps(_row(about.run_id, first))}
    emitted = outbox.values(about.event(change, events))
    found = db.execute(_BEGIN_LAST if last else _BEGIN, {**told, **emitted}).mappings().first()
    if found is None:
        return None
    event = RunEvent(run_id=about.run_id, sequence=1, at=first.at, type=first.type, data=dict(first.data))
    return Begun(Run.of(found), event)


def _dated(piece: Piece, until: str) -> Piece:
    """Return an event with the time until which its status lasts, as it was written."""
    return replace(piece, data={**piece.data, _UNTIL: until}) if piece.type is EventType.STATUS else piece


def _notify(db: SharedDb, run_id: str, sequence: int) -> None:
    """Emit that push notifications of a status are due: one for each place, so that none waits for another."""
    column = push_configs.c
    for config_id in db.scalars(select(column.subject).where(column.run_id == run_id).order_by(column.subject)).all():
        emit(db, PushNotificationFallenDue(push_config_id=config_id, run_id=run_id, last_sequence=sequence))


# What was said up to now, after what stays of earlier: aggregated by Postgres, so that no runner has to keep it.
_REPLY: Final = text(
    "coalesce(reply, '') || coalesce((select string_agg(said.data->>'text', '' order by said.sequence)"
    " from run_events as said where said.run_id = runs.id and said.sequence > runs.reply_sequence"
    " and said.type = 'text'), '')"
)


def after(seconds: float | BindParameter[float] | None) -> ColumnElement[datetime] | None:
    """Return the time in so many seconds by the database's clock; None for None."""
    return None if seconds is None else func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


_UNTIL: Final = "deadline_at"
"""Whoever is to answer has to know until when; a later reader can't see it in the row, which has gone on."""

_PIECE: Final = (
    func.jsonb_to_recordset(bindparam("pieces", type_=JSONB))
    .table_valued(
        *(column("run_id", Text), column("sequence", BigInteger), column("at", TIME)),
        *(column("type", Text), column("data", JSONB)),
        name="piece",
    )
    .render_derived(with_types=True)
)


def _telling(changed: CTE, *, tells_until: bool) -> Select[*tuple[object, ...]]:
    """Return the statement that changes a run, adds the events that tell it, and emits that it has another status.

    It returns whether somebody is to be notified, and nothing where nothing was changed.
    """
    data: ColumnElement[object] = _PIECE.c.data
    columns: list[ColumnElement[object]] = [changed.c.notifies]
    if tells_until:
        until = func.to_char(func.timezone("utc", changed.c.deadline_at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        is_status = _PIECE.c.type == EventType.STATUS
        data = case((is_status, data.op("||")(func.jsonb_build_object(_UNTIL, until))), else_=data)
        columns.append(until.label("until"))
    rows = select(_PIECE.c.run_id, _PIECE.c.sequence, _PIECE.c.at, _PIECE.c.type, data)
    rows = rows.select_from(changed.join(_PIECE, true()))
    added = insert(run_events).from_select(["run_id", "sequence", "at", "type", "data"], rows).cte("added")
    return select(*columns, text(outbox.EMITTED)).select_from(changed).add_cte(added)


@dataclass(frozen=True)
class _Kind:
    """What a statement has to do that gives a run another status."""

    columns: tuple[str, ...]
    """Those that are set to values that it is run with."""
    ends: bool
    frees: bool
    keeps_reply: bool
    falls_due: bool
    tells_until: bool

    @classmethod
    def of(cls, change: Change, columns: Iterable[str]) -> Self:
        return cls(
            tuple(columns),
            ends=change.status in ENDED,
            frees=change.frees,
            keeps_reply=change.keeps_reply,
            falls_due=change.due_in is not None,
            tells_until=change.status == RunStatus.INPUT_REQUIRED and change.deadline_in is not None,
        )


@cache
def _change(kind: _Kind, *, last: bool = False) -> Select[*tuple[object, ...]]:
    """Return the statement that gives a run another status: built once, since that takes far longer than to run it.

    The last of a transaction leaves a run alone of whose statuses somebody is to be notified, which comes behind it.
    """
    expressions: dict[str, object] = {
        **_given(kind.columns),
        "status_at": func.clock_timestamp(),
        "deadline_at": after(bindparam("patience", type_=Float)),
    }
    if kind.ends:
        expressions["ended_at"] = func.clock_timestamp()
    if kind.frees:
        expressions |= FREE
    if kind.keeps_reply:
        expressions["reply"] = _REPLY
    if kind.falls_due:
        expressions["due_at"] = after(bindparam("due_in", type_=Float))
    guard = [
        runs.c.id == bindparam("of"),
        runs.c.lease_token == bindparam("held"),
        runs.c.last_sequence == bindparam("behind"),
    ]
    if last:
        guard.append(runs.c.notifies.is_(False))
    changed = (
        update(runs).where(*guard).values(expressions).returning(runs.c.deadline_at, runs.c.notifies).cte("changed")
    )
    statement = _telling(changed, tells_until=kind.tells_until)
    return statement.execution_options(last=last, prepared=True)


_BEGIN: Final = text(
    "select * from begin_run(cast(:run as jsonb), :patience, cast(:first as jsonb), :event_type, :event_subject,"
    " cast(:event_data as jsonb), :event_id, :event_traceparent, :event_correlationid, :event_causationid,"
    " :event_actor)"
)

_BEGIN_LAST: Final = _BEGIN.execution_options(last=True)


def _given(columns: Iterable[str]) -> dict[str, object]:
    return {name: bindparam(f"new_{name}", type_=runs.c[name].type) for name in columns}


def _row(run_id: str, piece: Piece) -> dict[str, object]:
    """Return a piece as the statements are told it that add some."""
    told = {"sequence": piece.sequence, "at": piece.at.isoformat(), "type": piece.type, "data": piece.data}
    return {"run_id": run_id, **told}


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
).execution_options(prepared=True)

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
    pieces = [_row(each.run_id, piece) for each in batches for piece in each.pieces]
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
