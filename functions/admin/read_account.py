"""GET /v1/admin/accounts/{account_id}: anybody's account."""

from functions.domain.accounts import administration
from functions.domain.accounts.administration import AccountNotFound
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.any_accounts import AnyAccount


@endpoint("GET", "/v1/admin/accounts/{account_id}", errors=(AccountNotFound,))
def read_account(_caller: Support, account_id: AccountId, db: UserDb) -> AnyAccount:
    """Return the account, which tells nothing that is secret."""
    return AnyAccount.of(administration.find(db, account_id))
