"""The history of an instance: a row for whatever changed, with reason and actor, in the transaction of the change.

Each is said as an event too. Both have one id and one number, so that whoever receives the one knows the other.
"""

from sqlalchemy import func, insert, select

from core import context
from events.catalog.instances import InstanceChanged, InstanceDesiredStateChanged, InstanceStatusChanged
from events.outbox import emit
from functions.domain.databases import SharedDb
from functions.domain.instances.reasons import Explanation
from shared_psql_models.instances import InstanceEvent, instance_events


def note(  # noqa: PLR0913 - each is a fact about the change, given by name
    db: SharedDb,
    event: InstanceChanged | InstanceDesiredStateChanged | InstanceStatusChanged,
    *,
    kind: str,
    previous: str | None,
    value: str,
    explanation: Explanation,
) -> None:
    """Emit `event`, and add a row that `kind` was changed by the context's actor: the name of a column."""
    row = {
        "id": emit(db, event),
        "sequence": func.last_sequence(),
        "instance_id": event.instance_id,
        "kind": kind,
        "previous": previous,
        "value": value,
        "reason": explanation.reason,
        "actor": context.current().actor,
        "message": explanation.message,
        "next": explanation.next,
    }
    db.execute(insert(instance_events).values(row))


def of_instance(db: SharedDb, instance_id: str, *, after: str | None, limit: int) -> list[InstanceEvent]:
    """Return what happened to an instance, newest first; `after` is the id that the page before ended with."""
    query = select(instance_events).where(instance_events.c.instance_id == instance_id)
    if after is not None:
        query = query.where(instance_events.c.id < after)
    found = db.execute(query.order_by(instance_events.c.id.desc()).limit(limit))
    return [InstanceEvent.of(row) for row in found.mappings()]
