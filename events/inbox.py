"""The inbox: which events a subscriber has handled, written in the transaction of what it did about them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, text

from events.wire import CloudEvent

# In the order of their names, so that two who have the same events wait for each other in one direction alone.
_ACCEPT: Final = text(
    "insert into inbox (subscriber, source, id)"
    " select :subscriber, source, id from unnest(cast(:sources as text[]), cast(:ids as text[])) as event (source, id)"
    " order by source, id on conflict do nothing returning source, id"
)


def accept(db: Connection, subscriber: str, events: Sequence[CloudEvent]) -> list[CloudEvent]:
    """Note that `subscriber` handles events in the transaction of `db`; return those that it hasn't handled before.

    CloudEvents are the same event when both `source` and `id` are. A second delivery that runs at the same time waits
    here until the first has committed (then it isn't told the event) or rolled back (and takes its place).
    """
    named: dict[tuple[str, str], CloudEvent] = {}
    for each in events:
        named.setdefault((each.source, each.id), each)
    told = {"sources": [source for source, _ in named], "ids": [event_id for _, event_id in named]}
    new = {(source, event_id) for source, event_id in db.execute(_ACCEPT, {"subscriber": subscriber, **told})}
    return [event for name, event in named.items() if name in new]
