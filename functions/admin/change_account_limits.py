"""PUT /v1/admin/accounts/{account_id}/limits: give an account limits of its own."""

from typing import Annotated

from pydantic import Field

from functions.domain.databases import SharedDb
from functions.domain.instances import quotas
from functions.domain.instances.quotas import AccountLimitsChangedMeanwhile
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Support
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.accounts import AccountId
from functions.schemas.base import Body
from functions.schemas.reasons import GivenReason
from functions.schemas.usage import AccountLimits


class OwnLimits(Body):
    """An account's own limits; null or left out: the installation's."""

    instances: Annotated[int | None, Field(ge=0, le=1_000_000, examples=[200])] = None
    log_bytes: Annotated[
        int | None, Field(ge=0, le=1 << 40, description="Of the logs of all instances.", examples=[1 << 28])
    ] = None
    agent_memory_bytes: Annotated[
        int | None, Field(ge=0, le=1 << 40, description="Of what all agents remember.", examples=[1 << 26])
    ] = None


class NewAccountLimits(GivenReason):
    """All of an account's own limits, in place of those that it had."""

    limits: OwnLimits


@endpoint(
    "PUT",
    "/v1/admin/accounts/{account_id}/limits",
    errors=(AccountLimitsChangedMeanwhile,),
    resources=Resources(settings=quotas.SETTINGS),
)
def change_account_limits(
    _caller: Support, account_id: AccountId, etags: IfMatch, wanted: NewAccountLimits, audit: Audit, db: SharedDb
) -> AccountLimits:
    """Leave what the account has already as it is, also when that is more."""
    audit.was(AccountLimits.model_validate(quotas.of_account(db, account_id)))
    limits = wanted.limits.model_dump(exclude_none=True)
    return AccountLimits.model_validate(quotas.change(db, account_id, etags, limits, wanted.reason))
