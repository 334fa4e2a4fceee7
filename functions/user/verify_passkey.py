"""POST /v1/auth/passkeys/verify: log in with a passkey, without a password."""

from functions.domain.accounts import accounts, challenges, keys, passkeys, sessions, throttling, webauthn
from functions.domain.accounts.access_tokens import SECOND_FACTOR
from functions.domain.accounts.throttling import Guess, TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.runtime.providers.refresh_cookie import RefreshCookie
from functions.schemas.base import Body
from functions.schemas.passkeys import Challenge, SignedPasskey
from functions.schemas.token_pairs import TokenPair


class PasskeyProof(Body):
    """The challenge of `POST /v1/auth/passkeys/options`, and the passkey that has signed it."""

    challenge: Challenge
    passkey: SignedPasskey


class PasskeyPair(TokenPair):
    """A session of two factors: an access token for the Authorization header, and a refresh token for the next pair."""


def admit(proof: PasskeyProof, client: Client, transaction: UserTransactions) -> Guess:
    """Count the guess, whatever becomes of it, before what was signed is looked at."""
    credential_id = proof.passkey.assertion().credential_id
    with transaction() as db:
        return throttling.count_factor(db, passkeys.owner_of(db, credential_id) or proof.passkey.id, client.network)


@endpoint(
    "POST",
    "/v1/auth/passkeys/verify",
    errors=(
        *(challenges.ChallengeExpired, passkeys.PasskeyWrong, passkeys.PasskeyCounterOutdated),
        *(accounts.AccountSuspended, accounts.AccountDeleted, TooManyGuesses),
    ),
    resources=Resources(secrets=(keys.PRIVATE,), settings=webauthn.SETTINGS, group="function-factors"),
    prepare=admit,
)
def verify_passkey(proof: PasskeyProof, client: Client, cookie: RefreshCookie, guess: Guess, db: UserDb) -> PasskeyPair:
    """Open a session whose access tokens have `acr` `aal2`: the authenticator has verified who uses it."""
    account = passkeys.log_in(db, proof.challenge, proof.passkey.assertion())
    throttling.was_right(db, guess)
    return cookie.keep(PasskeyPair.model_validate(sessions.open_session(db, account, client, aal=SECOND_FACTOR)))
