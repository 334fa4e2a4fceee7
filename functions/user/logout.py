"""POST /v1/auth/logout: end the session whose access token this is, the caller's others, or all."""

from typing import Annotated, Literal

from pydantic import Field

from functions.domain.accounts import sessions
from functions.domain.databases import UserDb
from functions.runtime.declarations import Empty
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn, ReauthenticationRequired, check_recent
from functions.runtime.providers.refresh_cookie import RefreshCookie
from functions.schemas.base import Query

REASON = "logged_out"


class Which(Query):
    """Which sessions end."""

    sessions: Annotated[
        Literal["this", "others", "all"], Field(description="The one that asks, every other of the caller's, or both.")
    ] = "this"


@endpoint("POST", "/v1/auth/logout", status=204, errors=(ReauthenticationRequired,))
def logout(caller: LoggedIn, which: Which, cookie: RefreshCookie, db: UserDb) -> Empty | None:
    """End sessions: their refresh tokens are worth nothing at once, their access tokens within five seconds.

    Ending the others alone takes a log-in of the last ten minutes.
    """
    match which.sessions:
        case "this":
            sessions.revoke(db, caller.session_id, REASON)
        case "others":
            # Whoever found somebody's token must not be the only one who goes on.
            check_recent(caller.authentication)
            sessions.revoke_others(db, caller.id, caller.session_id, REASON)
            return None
        case "all":
            sessions.revoke_all(db, caller.id, REASON)
    return cookie.drop()
