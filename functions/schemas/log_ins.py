"""What a log-in with one factor is answered."""

from typing import Annotated, Literal

from pydantic import Field

from functions.domain.accounts import challenges
from functions.domain.accounts.log_ins import Asked
from functions.domain.accounts.sessions import Opened
from functions.schemas.base import Reply
from functions.schemas.passkeys import PasskeyRequest
from functions.schemas.token_pairs import TokenPair


class MfaRequired(Reply):
    """One factor is proved, and the account has a second one: prove it with `POST /v1/auth/mfa/verify`."""

    http_status = 202

    mfa_required: Literal[True]
    challenge: Annotated[str, Field(description="Good for one log-in.")]
    expires_in: Annotated[int, Field(description="Seconds until the challenge expires.")]
    totp: Annotated[bool, Field(description="Whether a code of an app proves it.")]
    passkey: Annotated[
        PasskeyRequest | None, Field(description="What one of the account's passkeys may sign to prove it.")
    ]


def answer(entered: Opened | Asked) -> TokenPair | MfaRequired:
    """Return what somebody is told who has entered, or is asked for more."""
    if isinstance(entered, Opened):
        return TokenPair.model_validate(entered)
    return MfaRequired(
        mfa_required=True,
        challenge=entered.challenge,
        expires_in=challenges.LIFETIME_SECONDS,
        totp=entered.totp,
        passkey=PasskeyRequest.of(entered.challenge, entered.passkeys) if entered.passkeys else None,
    )
