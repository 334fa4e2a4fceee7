"""Challenges: what somebody is given who is to prove something next, and gives back with the proof. Kept are hashes.

One is given to whoever has proved the password, and has yet to prove a second factor; one to anybody who is to log in
with a passkey, or to be proved by an OpenID provider; and one to whoever is to register a passkey. Each is good once,
and a wrong proof leaves it good, but for that of a provider.
"""

import hashlib
import secrets
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, delete, func, insert, select

from functions.domain.accounts.accounts import hold
from functions.domain.accounts.tables import mfa_challenges
from functions.domain.api_errors import Gone
from functions.domain.databases import UserDb

LIFETIME_SECONDS: Final = 300

MAX_LENGTH: Final = 128
"""Characters of what may be shown as a challenge; ours are shorter."""

_PREFIX: Final = "mfa_"


class Purpose(StrEnum):
    """What is to be proved."""

    SECOND_FACTOR = "second_factor"
    PASSKEY_LOGIN = "passkey_login"
    PASSKEY_REGISTRATION = "passkey_registration"
    IDENTITY = "identity"


class ChallengeExpired(Gone):
    """This challenge was met before, has expired, or was withdrawn: begin again."""


def issue(db: UserDb, purpose: Purpose, account_id: str | None = None) -> str:
    """Return a new challenge for an account, or for nobody yet, of which a hash is kept."""
    challenge = _PREFIX + secrets.token_urlsafe(32)
    expires_at = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, LIFETIME_SECONDS)
    row = {
        "challenge_hash": _hash(challenge),
        "purpose": purpose,
        "account_id": account_id,
        "expires_at": expires_at,
    }
    db.execute(insert(mfa_challenges).values(row))
    return challenge


def account_of(db: UserDb, challenge: str) -> str:
    """Return whose log-in a challenge belongs to that is to be met by a second factor. Raises ChallengeExpired."""
    query = select(mfa_challenges.c.account_id).where(_is_open(challenge, Purpose.SECOND_FACTOR))
    account_id = db.execute(query).scalar()
    if account_id is None:
        raise ChallengeExpired
    return str(account_id)


def meet(db: UserDb, challenge: str) -> str:
    """Return whose a challenge is that is met by a second factor, and let nobody else meet it.

    Of two at once the second waits for the first, and finds the challenge only if that is rolled back. Raises
    ChallengeExpired.
    """
    account_id = account_of(db, challenge)
    # Whoever withdraws the account's challenges has locked the account before: in this order nobody waits for somebody
    # who waits for them.
    hold(db, account_id)
    use_up(db, challenge, Purpose.SECOND_FACTOR, account_id)
    return account_id


def use_up(db: UserDb, challenge: str, purpose: Purpose, account_id: str | None) -> None:
    """Let a challenge for an account, or for nobody, be good no more if the transaction commits.

    Raises ChallengeExpired.
    """
    of_account = mfa_challenges.c.account_id.is_not_distinct_from(account_id)
    met = delete(mfa_challenges).where(_is_open(challenge, purpose), of_account)
    if db.execute(met.returning(mfa_challenges.c.expires_at)).first() is None:
        raise ChallengeExpired


def withdraw(db: UserDb, account_id: str) -> None:
    """Let nobody go on with what has begun for an account: a log-in to it, or the registration of a passkey."""
    db.execute(delete(mfa_challenges).where(mfa_challenges.c.account_id == account_id))


def _is_open(challenge: str, purpose: Purpose) -> ColumnElement[bool]:
    columns = mfa_challenges.c
    unexpired = columns.expires_at > func.clock_timestamp()
    return (columns.challenge_hash == _hash(challenge)) & (columns.purpose == purpose) & unexpired


def _hash(challenge: str) -> bytes:
    return hashlib.sha256(challenge.encode()).digest()
