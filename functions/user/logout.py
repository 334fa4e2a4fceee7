"""POST /v1/auth/logout: end the session whose access token this is."""

from functions.domain.accounts import sessions
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User


@endpoint("POST", "/v1/auth/logout", status=204)
def logout(caller: User, db: UserDb) -> None:
    """End the session: its refresh token is worth nothing at once, its access tokens within five seconds."""
    sessions.revoke(db, caller.session_id, "logged_out")
