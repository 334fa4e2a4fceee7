"""POST /v1/admin/accounts/{account_id}/reset-factors: let an account log in with its password alone."""

from functions.domain.accounts import administration
from functions.domain.accounts.administration import AccountNotFound, OwnAccount, RoleNeeded
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.any_accounts import AnyAccount
from functions.schemas.reasons import GivenReason


@endpoint(
    "POST",
    "/v1/admin/accounts/{account_id}/reset-factors",
    errors=(
        AccountNotFound,
        OwnAccount,
        RoleNeeded,
    ),
)
def reset_account_factors(
    caller: Support, account_id: AccountId, because: GivenReason, audit: Audit, db: UserDb
) -> AnyAccount:
    """For whoever has lost their second factor and recovery codes: make sure that it is they who ask.

    Their sessions end.
    """
    administration.check_other(db, account_id, caller.id, caller.scopes)
    audit.was(AnyAccount.of(administration.locked(db, account_id)))
    administration.reset_factors(db, account_id, because.reason)
    return AnyAccount.of(administration.find(db, account_id))
