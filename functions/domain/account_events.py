"""The events of an account, numbered in the order in which they arrive, for whoever follows them."""

import json
from collections.abc import Iterable
from typing import Final

from sqlalchemy import text

from events import wire
from events.catalog.owners import owner_of
from events.wire import CloudEvent
from functions.domain.api_errors import Invalid
from functions.domain.databases import SharedDb

CHANNEL: Final = "botberi_account_events"
"""The channel of Postgres on which an account's id says that it has another event."""

# The rows of the accounts are locked until the transaction ends: the next events of these are numbered after that. They
# are locked in the order of their names, so that nobody waits for somebody who waits for them.
# Few write here at a time, so the notification, by which commits wait for each other, costs nothing that is noticed.
_NUMBER: Final = text(
    "with told as materialized ("
    "  select *, row_number() over (partition by owner_id order by place) as number,"
    "         count(*) over (partition by owner_id) as among"
    "  from rows from (json_to_recordset(cast(:events as json))"
    "                  as (owner_id text, type text, subject text, event text)) with ordinality"
    "       as event (owner_id, type, subject, event, place)"
    "), feed as ("
    "  insert into account_feeds (owner_id, sequence) select owner_id, count(*) from told group by owner_id"
    "  order by owner_id"
    "  on conflict (owner_id) do update set sequence = account_feeds.sequence + excluded.sequence"
    "  returning owner_id, sequence"
    "), kept as ("
    "  insert into account_events (owner_id, sequence, type, subject, event)"
    "  select owner_id, sequence - among + number, type, subject, event from told join feed using (owner_id)"
    ") select pg_notify(:channel, owner_id) from feed"
).execution_options(last=True)


class OwnerUnknown(Invalid):
    """The event names no account, or is not from where events of its type come from."""


def number(db: SharedDb, events: Iterable[CloudEvent]) -> None:
    """Keep events under the next numbers of the accounts that they belong to, in their order.

    The transaction is over: it is committed in the same round trip, and whoever listens to CHANNEL is told the
    accounts. Raises OwnerUnknown.
    """
    told = [_told(each) for each in events]
    db.execute(_NUMBER, {"events": json.dumps(told, ensure_ascii=False), "channel": CHANNEL})


def _told(event: CloudEvent) -> dict[str, str]:
    owner_id = owner_of(event.type, event.source, event.data)
    if owner_id is None:
        raise OwnerUnknown
    kept = json.dumps(wire.document(event), ensure_ascii=False, separators=(",", ":"))
    return {"owner_id": owner_id, "type": event.type, "subject": event.subject, "event": kept}
