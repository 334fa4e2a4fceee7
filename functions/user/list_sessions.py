"""GET /v1/me/sessions: where the caller is logged in, newest first."""

from functions.domain.accounts import sessions
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn
from functions.schemas.base import Page, PageQuery
from functions.schemas.sessions import Session


@endpoint("GET", "/v1/me/sessions")
def list_sessions(caller: LoggedIn, query: PageQuery, db: UserDb) -> Page[Session]:
    """Read one page of the sessions that are open."""
    rows = sessions.list_open(db, caller.id, caller.session_id, before=query.after(), limit=query.limit + 1)
    return query.page(rows, Session)
