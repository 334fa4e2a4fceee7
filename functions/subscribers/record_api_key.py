"""com.botberi.api_key.created.v1: let every function that works on shared_psql know an API key."""

from events.catalog.accounts import ApiKeyCreated
from functions.domain import live_api_keys
from functions.domain.databases import SharedDb
from functions.runtime.providers.databases import UserTransactions
from functions.runtime.subscriber import subscriber


@subscriber
def record_api_key(event: ApiKeyCreated, db: SharedDb, user: UserTransactions) -> None:
    """Read the key's hash where the key was made, since no event has it, and keep it."""
    with user.reading() as made:
        live_api_keys.record(db, made, event.key_id)
