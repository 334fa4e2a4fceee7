"""One-time tokens: sent by mail, mostly to an account's address, and good once, for a while, for one purpose.

Kept is a hash. They are random enough that nobody guesses one, so the hash needs no salt and no slowness.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.domain.accounts.tables import one_time_tokens
from functions.domain.api_errors import Gone
from functions.domain.databases import UserDb

MAX_LENGTH: Final = 128
"""Characters of what may be shown as a token; ours are shorter."""

_BYTES: Final = 24


class Purpose(StrEnum):
    """What a token is good for."""

    EMAIL_VERIFICATION = "email_verification"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose
    EMAIL_PROOF = "email_proof"
    """Sent to the address that an account is to have."""
    EMAIL_CONSENT = "email_consent"
    """Sent to the address that it has until then."""


LIFETIMES: Final = {
    Purpose.EMAIL_VERIFICATION: timedelta(days=1),
    Purpose.PASSWORD_RESET: timedelta(minutes=10),
    Purpose.EMAIL_PROOF: timedelta(days=1),
    Purpose.EMAIL_CONSENT: timedelta(days=1),
}


class TokenExpiredOrUsed(Gone):
    """This token isn't good any more: it was used, is too old, or a newer one took its place. Ask for another."""


def issue(db: UserDb, account_id: str, purpose: Purpose) -> str:
    """Return a new token of an account, in the place of the one of that purpose that it has."""
    token = secrets.token_urlsafe(_BYTES)
    values = {"token_hash": _hash(token), "expires_at": func.now() + LIFETIMES[purpose]}
    statement = insert(one_time_tokens).values(account_id=account_id, purpose=purpose, **values)
    db.execute(statement.on_conflict_do_update(index_elements=["account_id", "purpose"], set_=values))
    return token


def find(db: UserDb, token: str, purposes: Collection[Purpose]) -> tuple[str, Purpose]:
    """Return whose a token is, and for which of these purposes. Raises TokenExpiredOrUsed."""
    query = select(*one_time_tokens.c["account_id", "purpose"]).where(
        one_time_tokens.c.token_hash == _hash(token), one_time_tokens.c.purpose.in_(purposes)
    )
    row = db.execute(query).first()
    if row is None:
        raise TokenExpiredOrUsed
    return row.account_id, Purpose(row.purpose)


def withdraw(db: UserDb, account_id: str, purposes: Collection[Purpose]) -> None:
    """Let the tokens of an account for these purposes be good no more."""
    which = (one_time_tokens.c.account_id == account_id) & one_time_tokens.c.purpose.in_(purposes)
    db.execute(delete(one_time_tokens).where(which))


def redeem(db: UserDb, token: str, purpose: Purpose) -> str:
    """Use a token up, if the transaction commits, and return whose it is. Raises TokenExpiredOrUsed.

    Of two who show the same token at once, the second waits for the first.
    """
    statement = (
        delete(one_time_tokens)
        .where(
            one_time_tokens.c.token_hash == _hash(token),
            one_time_tokens.c.purpose == purpose,
            # Not the transaction's start: it may have waited.
            one_time_tokens.c.expires_at > func.clock_timestamp(),
        )
        .returning(one_time_tokens.c.account_id)
    )
    account_id: str | None = db.scalar(statement)
    if account_id is None:
        raise TokenExpiredOrUsed
    return account_id


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
