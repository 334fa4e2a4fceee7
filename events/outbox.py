"""The outbox: an event is a row, written in the transaction that changes the data it speaks of."""

from sqlalchemy import Connection, text

from core import context
from core.ids import new_id
from events.event import Event

# The function's answer is never null, which makes no row of it.
_EMIT = text(
    "select where emit_event("
    "  type => :type, subject => :subject, data => cast(:data as jsonb), id => :id,"
    "  traceparent => :traceparent, correlationid => :correlationid, causationid => :causationid, actor => :actor)"
    " is null"
).execution_options(unanswered=True)


def emit(db: Connection, event: Event) -> str:
    """Write `event` to the outbox in the transaction of `db`; return its id (`evt_…`).

    Hold the row of what it is about, so that two writers about one subject take turns: without a lock in common their
    events may come in either order.

    It is published if and only if that transaction commits. Trace, causation and actor come from the current context.
    It waits for no answer of its own: what Postgres refuses of it (U+0000, more than 16 MiB) is raised by the next
    statement, or by the commit, which then doesn't happen.
    """
    event_id = new_id("evt")
    told = {"type": event.type, "subject": event.subject, "data": event.model_dump_json(), "id": event_id}
    db.execute(_EMIT, told | origin())
    return event_id


def origin() -> dict[str, str | None]:
    """Return where an event comes from, by the current context, as `emit_event` names it."""
    now = context.current()
    return {
        "traceparent": now.traceparent,
        "correlationid": now.correlation,
        "causationid": now.causation_id,
        "actor": now.actor,
    }
