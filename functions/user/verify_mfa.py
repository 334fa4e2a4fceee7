"""POST /v1/auth/mfa/verify: prove a second factor, and have the session that a log-in asked it for."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.domain.accounts import (
    accounts,
    challenges,
    factors,
    keys,
    passkeys,
    sessions,
    throttling,
    totp,
    webauthn,
)
from functions.domain.accounts.access_tokens import SECOND_FACTOR
from functions.domain.accounts.throttling import Guess, TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.runtime.providers.refresh_cookie import RefreshCookie
from functions.schemas.base import Body
from functions.schemas.factors import Code
from functions.schemas.passkeys import Challenge, SignedPasskey
from functions.schemas.token_pairs import TokenPair


class Proof(Body):
    """A log-in's challenge, and one proof: a code of the app, a passkey that has signed, or a recovery code."""

    challenge: Challenge
    code: Annotated[Code | None, Field(examples=["492039"])] = None
    recovery_code: Annotated[
        str | None,
        Field(min_length=1, max_length=64, description="Good once; capitals, spaces and hyphens don't matter."),
    ] = None
    passkey: Annotated[SignedPasskey | None, Field(description="Signed as the answer to the log-in asks.")] = None

    @model_validator(mode="after")
    def _proves_one_thing(self) -> Self:
        if sum(each is not None for each in (self.code, self.recovery_code, self.passkey)) != 1:
            raise PydanticCustomError("code_ambiguous", "Give one of code, recovery_code and passkey")
        return self


class VerifiedPair(TokenPair):
    """A session of two factors: an access token for the Authorization header, and a refresh token for the next pair."""


def admit(proof: Proof, client: Client, transaction: UserTransactions) -> Guess:
    """Count the guess, whatever becomes of it, before the code is looked at."""
    with transaction() as db:
        account_id = challenges.account_of(db, proof.challenge)
        return throttling.count_factor(db, account_id, client.network)


@endpoint(
    "POST",
    "/v1/auth/mfa/verify",
    errors=(
        *(challenges.ChallengeExpired, factors.SecondFactorWrong, totp.FactorsUnavailable),
        *(passkeys.PasskeyWrong, passkeys.PasskeyCounterOutdated),
        *(accounts.AccountSuspended, accounts.AccountDeleted, TooManyGuesses),
    ),
    resources=Resources(secrets=(keys.PRIVATE, totp.KEYS_NAME), settings=webauthn.SETTINGS, group="function-factors"),
    prepare=admit,
)
def verify_mfa(proof: Proof, client: Client, cookie: RefreshCookie, guess: Guess, db: UserDb) -> VerifiedPair:
    """Open a session whose access tokens have `acr` `aal2`; the challenge stays good after a wrong proof."""
    account = accounts.become(db, challenges.meet(db, proof.challenge))
    if proof.passkey is None:
        factors.prove(db, account.id, code=proof.code, recovery_code=proof.recovery_code)
    else:
        passkeys.prove(db, account.id, proof.challenge, proof.passkey.assertion())
    throttling.was_right(db, guess)
    return cookie.keep(VerifiedPair.model_validate(sessions.open_session(db, account, client, aal=SECOND_FACTOR)))
