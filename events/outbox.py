"""The outbox: an event is a row, written in the transaction that changes the data it speaks of."""

from typing import Final

from sqlalchemy import Connection, text

from core import context
from core.ids import new_id
from events.event import Event

EMITTED: Final = (
    "emit_event("
    "type => :event_type, subject => :event_subject, data => cast(:event_data as jsonb), id => :event_id,"
    " traceparent => :event_traceparent, correlationid => :event_correlationid,"
    " causationid => :event_causationid, actor => :event_actor)"
)
"""An expression by which a statement that writes emits an event too, whose `values` it is run with."""

# The function's answer is never null, which makes no row of it.
_EMIT: Final = text(f"select where {EMITTED} is null").execution_options(unanswered=True)


def emit(db: Connection, event: Event) -> str:
    """Write `event` to the outbox in the transaction of `db`; return its id (`evt_…`).

    Hold the row of what it is about, so that two writers about one subject take turns: without a lock in common their
    events may come in either order.

    It is published if and only if that transaction commits. Trace, causation and actor come from the current context.
    It waits for no answer of its own: what Postgres refuses of it (U+0000, more than 16 MiB) is raised by the next
    statement, or by the commit, which then doesn't happen.
    """
    told = values(event)
    db.execute(_EMIT, told)
    return str(told["event_id"])


def values(event: Event) -> dict[str, str | None]:
    """Return the values of EMITTED that emit an event, as `emit` does."""
    told = {"type": event.type, "subject": event.subject, "data": event.model_dump_json(), "id": new_id("evt")}
    return {f"event_{name}": value for name, value in (told | origin()).items()}


def origin() -> dict[str, str | None]:
    """Return where an event comes from, by the current context, as `emit_event` names it."""
    now = context.current()
    return {
        "traceparent": now.traceparent,
        "correlationid": now.correlation,
        "causationid": now.causation_id,
        "actor": now.actor,
    }
