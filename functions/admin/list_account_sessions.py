"""GET /v1/admin/accounts/{account_id}/sessions: where somebody is logged in, newest first."""

from functions.domain.accounts import administration, sessions
from functions.domain.accounts.administration import AccountNotFound
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.base import Page, PageQuery
from functions.schemas.sessions import Session


@endpoint("GET", "/v1/admin/accounts/{account_id}/sessions", errors=(AccountNotFound,))
def list_account_sessions(caller: Support, account_id: AccountId, query: PageQuery, db: UserDb) -> Page[Session]:
    """Read one page of the sessions that are open."""
    administration.find(db, account_id)
    rows = sessions.list_open(db, account_id, caller.session_id, before=query.after(), limit=query.limit + 1)
    return query.page(rows, Session)
