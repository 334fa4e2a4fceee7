"""The audit trail: every event that happened, appended by one subscriber and changed by nobody."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core.context import TRACEPARENT
from core.ids import new_id
from events.wire import CloudEvent, moment
from functions.domain.databases import SharedDb
from shared_psql_models.audit import AuditEntry, audit


def record(db: SharedDb, event: CloudEvent) -> None:
    """Append an event to the trail, once."""
    trace = TRACEPARENT.match(event.extension("traceparent") or "")
    row: dict[str, object] = {
        "id": new_id("aud"),
        "source": event.source,
        "event_id": event.id,
        "type": event.type,
        "subject": event.subject,
        "actor": event.extension("actor") or "system",
        "trace_id": trace[1] if trace else None,
        "data": event.data,
        "happened_at": moment(event.time),
    }
    db.execute(insert(audit).values(row).on_conflict_do_nothing(index_elements=["source", "event_id"]))


def entries(
    db: SharedDb,
    *,
    subject: str | None = None,
    actor: str | None = None,
    type: str | None = None,  # noqa: A002 - the name that CloudEvents gives it
    after: str | None,
    limit: int,
) -> list[AuditEntry]:
    """Return entries, newest first, about a subject, by an actor, of an event type; None stands for any.

    What an account did includes what was done by its API keys, which are named behind it. `after` is the id that the
    page before ended with.
    """
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    wanted = {audit.c.subject: subject, audit.c.type: type}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    if actor is not None:
        query = query.where((audit.c.actor == actor) | audit.c.actor.startswith(f"{actor}/", autoescape=True))
    if after is not None:
        query = query.where(audit.c.id < after)
    return [AuditEntry.of(row) for row in db.execute(query).mappings()]
