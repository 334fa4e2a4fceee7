"""DELETE /v1/admin/accounts/{account_id}/sessions: log somebody out everywhere."""

from functions.domain.accounts import administration
from functions.domain.accounts.administration import AccountNotFound, OwnAccount, RoleNeeded
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.reasons import ReasonGiven


@endpoint(
    "DELETE",
    "/v1/admin/accounts/{account_id}/sessions",
    status=204,
    errors=(AccountNotFound, OwnAccount, RoleNeeded),
)
def delete_account_sessions(caller: Support, account_id: AccountId, query: ReasonGiven, db: UserDb) -> None:
    """End all sessions within seconds, and log-ins that have begun. API keys stay, and so does the password."""
    administration.check_other(db, account_id, caller.id, caller.scopes)
    administration.end_sessions(db, account_id, query.reason)
