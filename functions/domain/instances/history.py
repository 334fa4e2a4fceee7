"""The history of an instance: a row for whatever changed, with reason and actor, in the transaction of the change.

Each is said as an event too. Both have one id and one number, so that whoever receives the one knows the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, text

from core.ids import new_id
from events import outbox
from events.catalog.instances import InstanceChanged, InstanceDesiredStateChanged, InstanceStatusChanged
from functions.domain.databases import SharedDb
from functions.domain.instances.reasons import Explanation
from shared_psql_models.instances import InstanceEvent, instance_events

Event = InstanceChanged | InstanceDesiredStateChanged | InstanceStatusChanged


@dataclass(frozen=True)
class Entry:
    """What happened to an instance."""

    event: Event
    previous: str | None
    value: str
    cause: str | None = None
    """The id of the event that caused it, where that isn't the context's."""


# Each row is emitted before its number is asked for, as the one is made from the other. As emit() does it, this waits
# for no answer: what Postgres refuses is raised by the next statement, or by the commit.
_NOTE: Final = text(
    """
    insert into instance_events (id, instance_id, kind, previous, value, reason, actor, message, next, sequence)
    select emitted.id, entry.instance_id, :kind, entry.previous, entry.value, :reason, :actor, :message, :next,
      last_sequence()
    from unnest(
      cast(:ids as text[]), cast(:instance_ids as text[]), cast(:data as text[]), cast(:previous as text[]),
      cast(:values as text[]), cast(:causes as text[])
    ) with ordinality as entry(id, instance_id, data, previous, value, cause, number)
    cross join lateral (
      select emit_event(
        type => :type, subject => entry.instance_id, data => cast(entry.data as jsonb), id => entry.id,
        traceparent => :traceparent, correlationid => :correlationid, causationid => entry.cause, actor => :actor
      ) as id offset 0
    ) as emitted
    """
).execution_options(unanswered=True)


def note(db: SharedDb, entries: Sequence[Entry], *, kind: str, explanation: Explanation) -> None:
    """Emit the events of entries, and add a row for each that `kind`, a column, was changed by the context's actor.

    The events are of one type.
    """
    if not entries:
        return
    origin = outbox.origin()
    told = {
        "ids": [new_id("evt") for _ in entries],
        "instance_ids": [each.event.instance_id for each in entries],
        "data": [each.event.model_dump_json() for each in entries],
        "previous": [each.previous for each in entries],
        "values": [each.value for each in entries],
        "causes": [each.cause or origin["causationid"] for each in entries],
        "type": entries[0].event.type,
        "kind": kind,
        **vars(explanation),
        **origin,
    }
    db.execute(_NOTE, told)


def of_instance(db: SharedDb, instance_id: str, *, after: str | None, limit: int) -> list[InstanceEvent]:
    """Return what happened to an instance, newest first; `after` is the id that the page before ended with."""
    query = select(instance_events).where(instance_events.c.instance_id == instance_id)
    if after is not None:
        query = query.where(instance_events.c.id < after)
    found = db.execute(query.order_by(instance_events.c.id.desc()).limit(limit))
    return [InstanceEvent.of(row) for row in found.mappings()]
