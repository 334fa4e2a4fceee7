"""Entries that tell of events: they add to what requests and commands have appended, and can't be taken for it."""

from typing import Final

from core.context import TRACEPARENT
from events.wire import CloudEvent
from functions.domain.audit.entries import NewEntry, append
from functions.domain.databases import SharedDb

_OURS: Final = "/botberi/"

_TICK: Final = frozenset({"schedule", "slot"})
"""The members of an event that a schedule's time has come."""


def record(db: SharedDb, event: CloudEvent) -> None:
    """Append an event to the trail, unless it is the tick of a clock, which is nobody's act."""
    if event.source.startswith(_OURS) and set(event.data) == _TICK:
        return
    trace = TRACEPARENT.match(event.extension("traceparent") or "")
    details: dict[str, object] = {
        "data": event.data,
        "event_id": event.id,
        "source": event.source,
        "time": event.time,
    }
    if trace:
        details["trace_id"] = trace[1]
    actor = event.extension("actor") or "system"
    append(db, NewEntry("event", actor, event.type, (event.subject,), details=details))
