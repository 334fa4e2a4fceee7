"""Events about accounts and their sessions, from user_psql."""

from datetime import datetime

from events.event import Event


class AccountRegistered(
    Event, type="com.botberi.account.registered.v1", subject="account_id", said_by=("user_psql/user",)
):
    """Somebody signed up.

    Said when the account is created. Who they are isn't in it: whoever may know asks for the account.
    """

    account_id: str
    """The new account, `usr_…`."""


class SessionRevoked(Event, type="com.botberi.session.revoked.v1", subject="session_id", said_by=("user_psql/user",)):
    """A session ended before its time: its holder logged out, or a spent refresh token was presented again.

    Said when its tokens stop being good in user_psql. Others who accept access tokens refuse these from then on.
    """

    session_id: str
    """The session, `ses_…`."""
    account_id: str
    """Whose it was, `usr_…`."""
    reason: str
    """`logged_out` or `refresh_token_reused`; there may be more."""
    expires_at: datetime
    """When the last access token of the session will have expired by itself."""
