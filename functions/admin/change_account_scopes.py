"""PUT /v1/admin/accounts/{account_id}/scopes: say what an account may do."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import administration
from functions.domain.accounts.accounts import SCOPES
from functions.domain.accounts.administration import AccountNotFound, LastAdministrator, OwnAccount, ScopeUnknown
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Admin
from functions.schemas.accounts import AccountId
from functions.schemas.any_accounts import AnyAccount
from functions.schemas.reasons import GivenReason


class NewScopes(GivenReason):
    """All that the account may do, in the place of what it was allowed, and why."""

    scopes: Annotated[list[str], Field(min_length=1, max_length=len(SCOPES), examples=[["user", "broker"]])]


@endpoint(
    "PUT",
    "/v1/admin/accounts/{account_id}/scopes",
    errors=(AccountNotFound, LastAdministrator, OwnAccount, ScopeUnknown),
)
def change_account_scopes(
    caller: Admin, account_id: AccountId, wanted: NewScopes, audit: Audit, db: UserDb
) -> AnyAccount:
    """When it loses one, its sessions end within seconds, and its API keys that had it."""
    administration.check_other(db, account_id, caller.id, caller.scopes)
    audit.was(AnyAccount.of(administration.locked(db, account_id)))
    administration.change_scopes(db, account_id, wanted.scopes, wanted.reason)
    return AnyAccount.of(administration.find(db, account_id))
