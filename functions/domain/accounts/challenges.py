"""Challenges: what somebody is given who has proved the password, and has yet to prove a second factor."""

import hashlib
import secrets
from typing import Final

from sqlalchemy import ColumnElement, delete, func, insert, select

from functions.domain.accounts.accounts import hold
from functions.domain.accounts.tables import mfa_challenges
from functions.domain.api_errors import Gone
from functions.domain.databases import UserDb

LIFETIME_SECONDS: Final = 300

_PREFIX: Final = "mfa_"


class ChallengeExpired(Gone):
    """This challenge was met before, has expired, or was withdrawn: log in again."""


def issue(db: UserDb, account_id: str) -> str:
    """Return a new challenge for an account, of which a hash is kept."""
    challenge = _PREFIX + secrets.token_urlsafe(32)
    expires_at = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, LIFETIME_SECONDS)
    row = {"challenge_hash": _hash(challenge), "account_id": account_id, "expires_at": expires_at}
    db.execute(insert(mfa_challenges).values(row))
    return challenge


def account_of(db: UserDb, challenge: str) -> str:
    """Return whose a challenge is. Raises ChallengeExpired."""
    account_id = db.execute(select(mfa_challenges.c.account_id).where(_is_open(challenge))).scalar()
    if account_id is None:
        raise ChallengeExpired
    return str(account_id)


def meet(db: UserDb, challenge: str) -> str:
    """Return whose a challenge is, and let nobody else meet it. Raises ChallengeExpired.

    Of two at once the second waits for the first, and finds the challenge only if that is rolled back.
    """
    account_id = account_of(db, challenge)
    # Whoever withdraws the account's challenges has locked the account before: in this order nobody waits for somebody
    # who waits for them.
    hold(db, account_id)
    if db.execute(delete(mfa_challenges).where(_is_open(challenge)).returning(mfa_challenges.c.expires_at)).first():
        return account_id
    raise ChallengeExpired


def withdraw(db: UserDb, account_id: str) -> None:
    """Let nobody go on with a log-in to an account that has begun."""
    db.execute(delete(mfa_challenges).where(mfa_challenges.c.account_id == account_id))


def _is_open(challenge: str) -> ColumnElement[bool]:
    columns = mfa_challenges.c
    return (columns.challenge_hash == _hash(challenge)) & (columns.expires_at > func.clock_timestamp())


def _hash(challenge: str) -> bytes:
    return hashlib.sha256(challenge.encode()).digest()
