"""What is kept only for a while is forgotten in the end: keys of repeated requests, events that were handled, slots.

For how long, the functions in the databases say: whoever may call them can forget nothing that is younger.
"""

from typing import Final

from sqlalchemy import Connection, text

from functions.domain.databases import SharedDb, UserDb

BATCH: Final = 5_000
"""Rows of a table that are forgotten at a time, at most."""


def forget_idempotency_keys(db: Connection) -> int:
    """Forget a batch of the keys that are a week old; return how many."""
    return _forget(db, "forget_idempotency_keys")


def forget_handled_events(db: Connection) -> int:
    """Forget a batch of the inbox rows that are forty-five days old; return how many."""
    return _forget(db, "forget_handled_events")


def forget_slots(db: SharedDb) -> int:
    """Forget a batch of the slots of schedules that are thirty days old; return how many."""
    return _forget(db, "forget_slots")


def forget_ended_sessions(db: UserDb) -> int:
    """Forget a batch of the sessions that ended ninety days ago; return how many."""
    return _forget(db, "forget_ended_sessions")


def _forget(db: Connection, function: str) -> int:
    return int(db.scalar(text(f"select {function}(:most)"), {"most": BATCH}) or 0)
