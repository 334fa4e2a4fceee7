"""POST /v1/me/mfa/recovery-codes: get new recovery codes."""

from functions.domain.accounts import factors
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import RecentAal2User
from functions.schemas.factors import RecoveryCodes


@endpoint("POST", "/v1/me/mfa/recovery-codes", errors=(factors.NoSecondFactor,))
def renew_recovery_codes(caller: RecentAal2User, db: UserDb) -> RecoveryCodes:
    """Older ones are worth nothing from now on."""
    return RecoveryCodes(recovery_codes=factors.renew_recovery_codes(db, caller.id))
