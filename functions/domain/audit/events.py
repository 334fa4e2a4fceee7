"""Entries that tell of events: they add to what requests and commands have appended, and can't be taken for it."""

from collections.abc import Iterable
from typing import Final

from core.context import TRACEPARENT
from events.wire import CloudEvent
from functions.domain.audit.entries import NewEntry, append_all
from functions.domain.databases import SharedDb

_OURS: Final = "/botberi/"

_TICK: Final = frozenset({"schedule", "slot"})
"""The members of an event that a schedule's time has come."""


def record(db: SharedDb, events: Iterable[CloudEvent]) -> None:
    """Append events to the trail, but for the ticks of a clock, which are nobody's acts."""
    append_all(db, [_entry(each) for each in events if not _is_tick(each)])


def _is_tick(event: CloudEvent) -> bool:
    return event.source.startswith(_OURS) and set(event.data) == _TICK


def _entry(event: CloudEvent) -> NewEntry:
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
    return NewEntry("event", actor, event.type, (event.subject,), details=details)
