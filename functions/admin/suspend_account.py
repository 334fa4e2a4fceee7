"""POST /v1/admin/accounts/{account_id}/suspend: let nobody use an account."""

from functions.domain.accounts import administration
from functions.domain.accounts.administration import AccountNotFound, LastAdministrator, OwnAccount, RoleNeeded
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.any_accounts import AnyAccount
from functions.schemas.reasons import GivenReason


@endpoint(
    "POST",
    "/v1/admin/accounts/{account_id}/suspend",
    errors=(
        AccountNotFound,
        LastAdministrator,
        OwnAccount,
        RoleNeeded,
    ),
)
def suspend_account(
    caller: Support, account_id: AccountId, because: GivenReason, audit: Audit, db: UserDb
) -> AnyAccount:
    """Sessions, API keys and open connections end within seconds, instances stop, and the owner is told why."""
    administration.check_other(db, account_id, caller.id, caller.scopes)
    audit.was(AnyAccount.of(administration.locked(db, account_id)))
    administration.suspend(db, account_id, because.reason)
    return AnyAccount.of(administration.find(db, account_id))
