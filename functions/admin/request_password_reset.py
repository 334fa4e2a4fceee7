"""POST /v1/admin/accounts/{account_id}/password-reset: have a mail sent by which somebody sets another password."""

from functions.domain.accounts import administration
from functions.domain.accounts.administration import AccountNotFound, OwnAccount, RoleNeeded
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.reasons import GivenReason


@endpoint(
    "POST",
    "/v1/admin/accounts/{account_id}/password-reset",
    status=202,
    errors=(AccountNotFound, OwnAccount, RoleNeeded),
)
def request_password_reset(caller: Support, account_id: AccountId, because: GivenReason, db: UserDb) -> None:
    """Send a token that is good for ten minutes to the account's address: nobody else learns it, or the password."""
    administration.check_other(db, account_id, caller.id, caller.scopes)
    administration.request_password_reset(db, account_id, because.reason)
