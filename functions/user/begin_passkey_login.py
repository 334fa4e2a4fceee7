"""POST /v1/auth/passkeys/options: begin a log-in with a passkey."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import challenges, webauthn
from functions.domain.accounts.challenges import Purpose
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Reply
from functions.schemas.passkeys import Challenge, PasskeyRequest


class PasskeyLogin(Reply):
    """What a passkey is to sign. It is the same for everybody but for the challenge."""

    challenge: Annotated[Challenge, Field(description="Good for one log-in.")]
    expires_in: Annotated[int, Field(description="Seconds until the challenge expires.")]
    options: PasskeyRequest


@endpoint("POST", "/v1/auth/passkeys/options", resources=Resources(settings=(webauthn.RP_ID_SETTING,)))
def begin_passkey_login(db: UserDb) -> PasskeyLogin:
    """Get a challenge; whoever signs it tells by that who they are."""
    challenge = challenges.issue(db, Purpose.PASSKEY_LOGIN)
    return PasskeyLogin(
        challenge=challenge, expires_in=challenges.LIFETIME_SECONDS, options=PasskeyRequest.of(challenge)
    )
