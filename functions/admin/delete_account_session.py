"""DELETE /v1/admin/accounts/{account_id}/sessions/{session_id}: log somebody out in one place."""

from functions.domain.accounts import administration
from functions.domain.accounts.administration import AccountNotFound, OwnAccount, RoleNeeded
from functions.domain.accounts.sessions import SessionNotFound
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.reasons import ReasonGiven
from functions.schemas.sessions import SessionId


@endpoint(
    "DELETE",
    "/v1/admin/accounts/{account_id}/sessions/{session_id}",
    status=204,
    errors=(AccountNotFound, OwnAccount, RoleNeeded, SessionNotFound),
)
def delete_account_session(
    caller: Support, account_id: AccountId, session_id: SessionId, query: ReasonGiven, db: UserDb
) -> None:
    """End a session within seconds."""
    administration.check_other(db, account_id, caller.id, caller.scopes)
    administration.end_session(db, account_id, session_id, query.reason)
