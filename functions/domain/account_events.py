"""The events of an account, numbered in the order in which they arrive, for whoever follows them."""

import json
from typing import Final

from sqlalchemy import text

from events import wire
from events.catalog.owners import owner_of
from events.wire import CloudEvent
from functions.domain.api_errors import Invalid
from functions.domain.databases import SharedDb

CHANNEL: Final = "botberi_account_events"
"""The channel of Postgres on which an account's id says that it has another event."""

# The row of the account is locked until the transaction ends: the next event of the account is numbered after that.
# Few write here at a time, so the notification, by which commits wait for each other, costs nothing that is noticed.
_NUMBER: Final = text(
    "with feed as ("
    "  insert into account_feeds (owner_id, sequence) values (:owner_id, 1)"
    "  on conflict (owner_id) do update set sequence = account_feeds.sequence + 1 returning sequence"
    "), kept as ("
    "  insert into account_events (owner_id, sequence, type, subject, event)"
    "  select :owner_id, sequence, :type, :subject, :event from feed"
    ") select sequence, pg_notify(:channel, :owner_id) from feed"
).execution_options(last=True)


class OwnerUnknown(Invalid):
    """The event names no account, or is not from where events of its type come from."""


def number(db: SharedDb, event: CloudEvent) -> int:
    """Keep an event under the next number of the account that it belongs to; return the number.

    The transaction is over: it is committed in the same round trip, and whoever listens to CHANNEL is told the account.
    Raises OwnerUnknown.
    """
    owner_id = owner_of(event.type, event.source, event.data)
    if owner_id is None:
        raise OwnerUnknown
    kept = json.dumps(wire.document(event), ensure_ascii=False, separators=(",", ":"))
    told = {"owner_id": owner_id, "type": event.type, "subject": event.subject, "event": kept, "channel": CHANNEL}
    return int(db.scalar(_NUMBER, told) or 0)
