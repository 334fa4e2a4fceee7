"""Every event that belongs to somebody: number it among those of the account, for whoever follows them."""

from collections.abc import Sequence

from events.catalog.owners import OwnedEvent
from functions.domain import account_events
from functions.domain.databases import SharedDb
from functions.runtime.subscriber import subscriber


@subscriber
def keep_account_event(events: Sequence[OwnedEvent], db: SharedDb) -> None:
    """Keep each under the next number, once."""
    account_events.number(db, events)
