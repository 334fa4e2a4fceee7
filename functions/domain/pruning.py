"""What is kept only for a while is forgotten in the end: keys of repeated requests, events that were handled, slots."""

from typing import Final

from sqlalchemy import Connection, text

from functions.domain.databases import SharedDb

BATCH: Final = 5_000
"""Rows of a table that are forgotten at a time, at most."""

# A request is repeated within minutes.
_KEYS: Final = text("""
delete from idempotency_keys where (caller, key) in (
  select caller, key from idempotency_keys where created < now() - interval '7 days' limit :most)
""")
# Nothing can be published again that is older: the outbox keeps what was delivered for a week, bodies for a month more.
_INBOX: Final = text("""
delete from inbox where (subscriber, source, id) in (
  select subscriber, source, id from inbox where received < now() - interval '45 days' limit :most)
""")
# The newest of a schedule says from where to go on.
_SLOTS: Final = text("""
delete from cron_slots where (schedule, slot) in (
  select schedule, slot from cron_slots old where slot < now() - interval '30 days'
  and exists (select from cron_slots newer where newer.schedule = old.schedule and newer.slot > old.slot) limit :most)
""")


def forget_idempotency_keys(db: Connection) -> int:
    """Forget a batch of the keys that are a week old; return how many."""
    return db.execute(_KEYS, {"most": BATCH}).rowcount


def forget_handled_events(db: Connection) -> int:
    """Forget a batch of the inbox rows that are forty-five days old; return how many."""
    return db.execute(_INBOX, {"most": BATCH}).rowcount


def forget_slots(db: SharedDb) -> int:
    """Forget a batch of the slots of schedules that are thirty days old; return how many."""
    return db.execute(_SLOTS, {"most": BATCH}).rowcount
