"""POST /v1/admin/accounts/{account_id}/suspend: let nobody use an account."""

from functions.domain.accounts import administration
from functions.domain.accounts.administration import AccountNotFound, LastAdministrator, OwnAccount
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Admin
from functions.schemas.accounts import AccountId
from functions.schemas.any_accounts import AnyAccount, GivenReason


@endpoint(
    "POST",
    "/v1/admin/accounts/{account_id}/suspend",
    errors=(
        AccountNotFound,
        LastAdministrator,
        OwnAccount,
    ),
)
def suspend_account(caller: Admin, account_id: AccountId, because: GivenReason, db: UserDb) -> AnyAccount:
    """Sessions, API keys and open connections end within seconds, instances stop, and the owner is told why."""
    administration.check_other(account_id, caller.id)
    administration.suspend(db, account_id, because.reason)
    return AnyAccount.of(administration.find(db, account_id))
