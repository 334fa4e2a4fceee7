"""POST /v1/auth/mfa/verify: prove a second factor, and have the session that a log-in asked it for."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.domain.accounts import accounts, challenges, factors, keys, sessions, throttling, totp
from functions.domain.accounts.access_tokens import SECOND_FACTOR
from functions.domain.accounts.throttling import Guess, TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.base import Body
from functions.schemas.factors import Code
from functions.schemas.token_pairs import TokenPair


class Proof(Body):
    """A log-in's challenge, and either a code of the app or a recovery code."""

    challenge: Annotated[str, Field(min_length=1, max_length=128, examples=["mfa_6mCHz3V6gCC7LrwPhpC4"])]
    code: Annotated[Code | None, Field(examples=["492039"])] = None
    recovery_code: Annotated[
        str | None,
        Field(min_length=1, max_length=64, description="Good once; capitals, spaces and hyphens don't matter."),
    ] = None

    @model_validator(mode="after")
    def _proves_one_thing(self) -> Self:
        if (self.code is None) == (self.recovery_code is None):
            raise PydanticCustomError("code_ambiguous", "Give either code or recovery_code")
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
        *(accounts.AccountSuspended, accounts.AccountDeleted, TooManyGuesses),
    ),
    resources=Resources(secrets=(keys.PRIVATE, totp.KEYS_NAME), group="function-factors"),
    prepare=admit,
)
def verify_mfa(proof: Proof, client: Client, guess: Guess, db: UserDb) -> VerifiedPair:
    """Open a session whose access tokens have `acr` `aal2`; the challenge stays good after a wrong code."""
    account = accounts.become(db, challenges.meet(db, proof.challenge))
    factors.prove(db, account.id, code=proof.code, recovery_code=proof.recovery_code)
    throttling.was_right(db, guess)
    return VerifiedPair.model_validate(sessions.open_session(db, account, client, aal=SECOND_FACTOR))
