"""POST /v1/auth/login: trade an e-mail address and a password for a session."""

from typing import Annotated, Literal

from pydantic import Field

from functions.domain.accounts import (
    accounts,
    challenges,
    emails,
    factors,
    keys,
    passkeys,
    passwords,
    sessions,
    throttling,
    webauthn,
)
from functions.domain.accounts.challenges import Purpose
from functions.domain.accounts.throttling import Guess, TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.base import Reply
from functions.schemas.credentials import Credentials
from functions.schemas.passkeys import PasskeyRequest
from functions.schemas.token_pairs import TokenPair


class MfaRequired(Reply):
    """The password is right, and the account has a second factor: prove it with `POST /v1/auth/mfa/verify`."""

    http_status = 202

    mfa_required: Literal[True]
    challenge: Annotated[str, Field(description="Good for one log-in.")]
    expires_in: Annotated[int, Field(description="Seconds until the challenge expires.")]
    totp: Annotated[bool, Field(description="Whether a code of an app proves it.")]
    passkey: Annotated[
        PasskeyRequest | None, Field(description="What one of the account's passkeys may sign to prove it.")
    ]


def admit(credentials: Credentials, client: Client, transaction: UserTransactions) -> Guess:
    """Count the guess, whatever becomes of it, before the password is looked at."""
    with transaction() as db:
        return throttling.count(db, emails.normalise(credentials.email), client.network)


@endpoint(
    "POST",
    "/v1/auth/login",
    errors=(
        *(accounts.CredentialsWrong, accounts.AccountSuspended, accounts.AccountDeleted, emails.EmailInvalid),
        *(TooManyGuesses, passwords.TooManyPasswords),
    ),
    resources=Resources(
        memory="256Mi",
        max_scale=10,
        secrets=(keys.PRIVATE,),
        group="function-passwords",
        settings=(passwords.SETTING, webauthn.RP_ID_SETTING),
    ),
    prepare=admit,
)
def login(credentials: Credentials, client: Client, guess: Guess, db: UserDb) -> TokenPair | MfaRequired:
    """Open a session, or ask for the second factor; a wrong address and a wrong password are told apart by nobody."""
    account = accounts.authenticate(db, credentials.email, credentials.password)
    throttling.was_right(db, guess)
    if factors.are_needed(db, account.id):
        return _ask(db, account.id)
    return TokenPair.model_validate(sessions.open_session(db, account, client))


def _ask(db: UserDb, account_id: str) -> MfaRequired:
    challenge, known = challenges.issue(db, Purpose.SECOND_FACTOR, account_id), passkeys.known(db, account_id)
    return MfaRequired(
        mfa_required=True,
        challenge=challenge,
        expires_in=challenges.LIFETIME_SECONDS,
        totp=factors.has_app(db, account_id),
        passkey=PasskeyRequest.of(challenge, known) if known else None,
    )
