"""Events about accounts and their sessions, from user_psql."""

from datetime import datetime
from typing import Final

from events.event import Event

DATABASE: Final = "user_psql"


class AccountRegistered(Event, type="com.botberi.account.registered.v1", subject="account_id"):
    """Somebody signed up."""

    account_id: str


class SessionRevoked(Event, type="com.botberi.session.revoked.v1", subject="session_id"):
    """A session ended before its time: its holder logged out, or a spent refresh token was presented again."""

    session_id: str
    account_id: str
    reason: str
    expires_at: datetime
    """When the last access token of the session will have expired by itself."""
