"""com.botberi.api_key.revoked.v1: let every function that works on shared_psql know that an API key was revoked."""

from events.catalog.accounts import ApiKeyRevoked
from functions.domain import live_api_keys
from functions.domain.databases import SharedDb
from functions.runtime.subscriber import subscriber


@subscriber
def record_api_key_revocation(event: ApiKeyRevoked, db: SharedDb) -> None:
    """Remember that it was, until it would have ended by itself."""
    live_api_keys.revoke(db, event.key_id, event.expires_at)
