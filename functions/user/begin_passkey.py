"""POST /v1/me/passkeys/options: begin to register a passkey."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import accounts, challenges, factors, passkeys, webauthn
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.schemas.base import Reply
from functions.schemas.passkeys import Challenge, PasskeyCreation


class PasskeyRegistration(Reply):
    """What an authenticator is to make."""

    challenge: Annotated[Challenge, Field(description="Good for one passkey.")]
    expires_in: Annotated[int, Field(description="Seconds until the challenge expires.")]
    options: PasskeyCreation


@endpoint(
    "POST",
    "/v1/me/passkeys/options",
    errors=(InsufficientAal, passkeys.TooManyPasskeys),
    resources=Resources(settings=(webauthn.RP_ID_SETTING,)),
)
def begin_passkey(caller: RecentUser, db: UserDb) -> PasskeyRegistration:
    """Nothing changes until the passkey is registered. An account that has a second factor needs it for this."""
    caller.have_proved_what_there_is(factors.are_needed(db, caller.id))
    challenge = passkeys.begin(db, caller.id)
    email = accounts.find(db, caller.id).email
    options = PasskeyCreation.of(challenge, caller.id, email, passkeys.known(db, caller.id))
    return PasskeyRegistration(challenge=challenge, expires_in=challenges.LIFETIME_SECONDS, options=options)
