"""Mails that anybody may ask for: another token to verify an address with, or one to set a forgotten password.

Nobody learns by asking whether an address has an account. The answer is the same, and so is the work: for an address to
which no mail goes, an event is written too, and taken back.
"""

from contextlib import suppress

from sqlalchemy import ColumnElement, select, true

from core.ids import new_id
from events.catalog.accounts import EmailVerificationRequested, PasswordResetRequested
from events.outbox import emit
from functions.domain.accounts import emails, throttling
from functions.domain.accounts.tables import accounts
from functions.domain.databases import UserDb


def verification(db: UserDb, email: str, network: str) -> None:
    """Ask for another mail to verify an address with, if it has an account and isn't verified.

    Raises EmailInvalid and TooManyMails.
    """
    _ask(db, EmailVerificationRequested, email, network, accounts.c.verified_at.is_(None))


def password_reset(db: UserDb, email: str, network: str) -> None:
    """Ask for a mail to set another password with, if the address has an account.

    Raises EmailInvalid and TooManyMails.
    """
    _ask(db, PasswordResetRequested, email, network, true())


def _ask(
    db: UserDb,
    event: type[EmailVerificationRequested | PasswordResetRequested],
    email: str,
    network: str,
    which: ColumnElement[bool],
) -> None:
    email = emails.normalise(email)
    # Not in a transaction of its own, unlike a guess: this one always writes, and ends in the same way.
    throttling.count_mail(db, event.type, email, network)
    account_id = db.scalar(select(accounts.c.id).where(accounts.c.email == email, which))
    with suppress(_NobodyError), db.begin_nested():
        emit(db, event(account_id=account_id or new_id("usr")))
        if account_id is None:
            raise _NobodyError


class _NobodyError(Exception):
    """No mail goes to the address: what was written is to be taken back."""
