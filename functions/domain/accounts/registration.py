"""Signing up: whoever does so learns nothing about whether an address has an account.

The answer is the same, and so is the work. For an address that has an account, a row is written as well and taken back,
and its owner is told by mail, in place of the mail by which somebody new verifies an address. The account stays as it
is.
"""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core import context
from core.ids import new_id
from events.catalog.accounts import AccountRegistered, RegistrationRepeated
from events.outbox import emit
from functions.domain.accounts import emails, passwords, throttling
from functions.domain.accounts.accounts import EmailTaken
from functions.domain.accounts.tables import accounts
from functions.domain.databases import Begin, UserDb


@dataclass(frozen=True)
class Candidate:
    """Somebody who may sign up."""

    email: str
    """In its normal form."""
    password_hash: str = field(repr=False)


def admit(begin: Begin, email: str, password: str, network: str) -> Candidate:
    """Check an address and a password, count the mail that follows, and hash the password.

    No transaction is open while it is hashed. Raises EmailInvalid, PasswordUnfit, TooManyMails and TooManyPasswords.
    """
    email = emails.normalise(email)
    passwords.check(password, email)
    with begin() as db:
        throttling.count_mail(db, RegistrationRepeated.type, email, network)
    return Candidate(email, passwords.hashed(password))


def register(db: UserDb, candidate: Candidate) -> None:
    """Create an account and emit AccountRegistered, or if the address has one, emit RegistrationRepeated."""
    known, account_id = _account_of(db, candidate.email), new_id("usr")
    try:
        with db.begin_nested():
            _insert(db, account_id, candidate, known=known is not None)
    except EmailTaken:
        # It was known, or somebody was faster a moment ago.
        if owner := known or _account_of(db, candidate.email):
            emit(db, RegistrationRepeated(account_id=owner))
    else:
        context.act_as(account_id)
        emit(db, AccountRegistered(account_id=account_id))


def _account_of(db: UserDb, email: str) -> str | None:
    account_id: str | None = db.scalar(select(accounts.c.id).where(accounts.c.email == email))
    return account_id


def _insert(db: UserDb, account_id: str, candidate: Candidate, *, known: bool) -> None:
    """Insert an account. Raises EmailTaken; for an address that is known only after a row was written in its place."""
    row = {"id": account_id, "email": account_id if known else candidate.email}
    statement = insert(accounts).values(row | {"password_hash": candidate.password_hash})
    statement = statement.on_conflict_do_nothing(index_elements=["email"])
    if db.scalar(statement.returning(accounts.c.id)) is None or known:
        raise EmailTaken
