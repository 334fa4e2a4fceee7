"""GET /v1/admin/accounts/{account_id}/limits: how much an account may have, and has."""

from functions.domain.databases import SharedDb
from functions.domain.instances import quotas
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.usage import AccountLimits


@endpoint("GET", "/v1/admin/accounts/{account_id}/limits", resources=Resources(settings=quotas.SETTINGS))
def read_account_limits(_caller: Support, account_id: AccountId, db: SharedDb) -> AccountLimits:
    """Show them with the ETag to send as `If-Match` when you change them. No account has none, so it is never a 404."""
    return AccountLimits.model_validate(quotas.of_account(db, account_id))
