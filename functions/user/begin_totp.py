"""POST /v1/me/mfa/totp: get a secret for an app that makes one-time passwords."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import factors, totp
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.schemas.base import Reply


class TotpEnrolment(Reply):
    """What the app is to take: as an image, as an address, or typed in."""

    qr_code: Annotated[str, Field(description="The address as a QR code: an SVG element.")]
    otpauth_uri: str
    secret: Annotated[str, Field(description="In Base32, to be typed in.")]
    expires_in: Annotated[int, Field(description="Seconds until it can't be confirmed any more.")]


@endpoint(
    "POST",
    "/v1/me/mfa/totp",
    errors=(factors.TotpConfirmedAlready, totp.FactorsUnavailable, InsufficientAal),
    resources=Resources(secrets=(totp.KEYS_NAME,), group="function-factors"),
)
def begin_totp(caller: RecentUser, db: UserDb) -> TotpEnrolment:
    """Nothing changes until a code of the app is confirmed; whoever begins again gets another secret.

    An account that has passkeys needs one for this.
    """
    caller.have_proved_what_there_is(factors.are_needed(db, caller.id))
    enrolment = factors.begin(db, caller.id)
    return TotpEnrolment(
        qr_code=totp.qr_code(enrolment.otpauth_uri),
        otpauth_uri=enrolment.otpauth_uri,
        secret=enrolment.secret,
        expires_in=factors.ENROLMENT_SECONDS,
    )
