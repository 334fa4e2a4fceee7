"""POST /v1/me/mfa/totp/confirm: have log-ins need the app from now on, and get recovery codes."""

from functions.domain.accounts import factors, totp
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.schemas.base import Body
from functions.schemas.factors import Code, RecoveryCodes


class TotpConfirmation(Body):
    """What shows that the app has the secret."""

    code: Code


@endpoint(
    "POST",
    "/v1/me/mfa/totp/confirm",
    errors=(
        *(factors.CodeWrong, factors.TotpNotBegun, factors.TotpConfirmedAlready, totp.FactorsUnavailable),
        InsufficientAal,
    ),
    resources=Resources(secrets=(totp.KEYS_NAME,), group="function-factors"),
)
def confirm_totp(caller: RecentUser, confirmation: TotpConfirmation, db: UserDb) -> RecoveryCodes:
    """End the caller's other sessions; this one has two factors as soon as it is refreshed."""
    caller.have_proved_what_there_is(factors.are_needed(db, caller.id))
    codes = factors.confirm(db, caller.id, caller.session_id, confirmation.code)
    return RecoveryCodes(recovery_codes=codes)
