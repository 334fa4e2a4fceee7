"""com.botberi.session.revoked.v1: let every function that works on shared_psql know that a session has ended."""

from events.catalog.accounts import SessionRevoked
from functions.domain import revocations
from functions.domain.databases import SharedDb
from functions.runtime.subscriber import subscriber


@subscriber
def record_revocation(event: SessionRevoked, db: SharedDb) -> None:
    """Remember the session until its last access token has expired."""
    revocations.record(db, event.session_id, event.expires_at)
