"""The inbox: which events a subscriber has handled, written in the transaction of what it did about them."""

from sqlalchemy import Connection, text

_ACCEPT = text(
    "insert into inbox (subscriber, source, id) values (:subscriber, :source, :id) on conflict do nothing returning 1"
)


def accept(db: Connection, *, subscriber: str, source: str, event_id: str) -> bool:
    """Note that `subscriber` handles this event in the transaction of `db`; False when it has done so before.

    CloudEvents are the same event when both `source` and `id` are. A second delivery that runs at the same time waits
    here until the first has committed (and is told False) or rolled back (and takes its place).
    """
    return db.execute(_ACCEPT, {"subscriber": subscriber, "source": source, "id": event_id}).first() is not None
