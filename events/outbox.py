"""The outbox: an event is a row, written in the transaction that changes the data it speaks of."""

from sqlalchemy import Connection, text

from events import context
from events.event import Event
from events.ids import new_id

_EMIT = text(
    "select emit_event("
    "  type => :type, subject => :subject, data => cast(:data as jsonb), id => :id,"
    "  traceparent => :traceparent, correlationid => :correlationid, causationid => :causationid, actor => :actor)"
)


def emit(db: Connection, event: Event) -> str:
    """Write `event` to the outbox in the transaction of `db`; return its id (`evt_…`).

    It is published if and only if that transaction commits. Trace, causation and actor come from the current context.
    """
    now = context.current()
    event_id = new_id("evt")
    db.execute(
        _EMIT,
        {
            "type": event.type,
            "subject": event.subject,
            "data": event.model_dump_json(),
            "id": event_id,
            "traceparent": now.traceparent,
            "correlationid": now.correlation,
            "causationid": now.causation_id,
            "actor": now.actor,
        },
    )
    return event_id
