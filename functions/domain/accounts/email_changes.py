"""Moving an account to another address: whoever has the new one proves it, and whoever has the present one consents.

Each is sent a token; the address is changed when both were used. An address that was never verified may be mistyped,
and somebody else's: then nobody there is asked. What is asked for is read when the mails are written, so that no event
has an address in it. Nobody learns by asking whether the new address has an account: its owner is told
by mail, and a token to prove it is sent to nobody.

Whatever writes here holds the account locked, and whoever makes a token reads where it goes after that: the token of an
older request is either seen and withdrawn, or goes to the address of the newer one.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core import context
from events.catalog.accounts import EmailChangeCancelled, EmailChanged, EmailChangeRefused, EmailChangeRequested
from events.outbox import emit
from functions.domain.accounts import accounts, emails, one_time_tokens, sessions, throttling, verification
from functions.domain.accounts.one_time_tokens import Purpose, TokenExpiredOrUsed
from functions.domain.accounts.tables import email_changes
from functions.domain.api_errors import FieldError, Invalid, NotFound
from functions.domain.databases import UserDb

LIFETIME: Final = timedelta(days=1)
"""For how long both tokens may be used."""

PURPOSES: Final = (Purpose.EMAIL_PROOF, Purpose.EMAIL_CONSENT)

_APPLY: Final = text("select apply_email_change(:id)")


class EmailUnchanged(Invalid):
    """This is the address of your account."""


class EmailChangeNotFound(NotFound):
    """You have asked for no other address, or it is too late: the address was changed, or the day is over."""


def request(db: UserDb, account_id: str, session_id: str, email: str, network: str) -> None:
    """Ask for another address, in the place of what was asked for before, and emit EmailChangeRequested.

    The account is locked, since its password was checked. The session goes on when the address is changed. Raises
    EmailInvalid, EmailUnchanged and TooManyMails.
    """
    email = emails.normalise(email)
    account = accounts.find(db, account_id)
    present = account.email
    if email == present:
        raise EmailUnchanged(errors=[FieldError("/email", "email_unchanged", EmailUnchanged.message())])
    throttling.count_mail(db, EmailChangeRequested.type, email, network)
    if account.email_verified:
        throttling.count_mail(db, f"{EmailChangeRequested.type} consent", present, "")
    consented_at = None if account.email_verified else func.now()
    times = {"expires_at": func.now() + LIFETIME, "consented_at": consented_at}
    values = {"email": email, "session_id": session_id, **times}
    nothing_yet = dict.fromkeys(("proved_at", "ended_at", "email_before"))
    statement = insert(email_changes).values(account_id=account_id, **values)
    db.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values | nothing_yet))
    one_time_tokens.withdraw(db, account_id, PURPOSES)
    emit(db, EmailChangeRequested(account_id=account_id))


def cancel(db: UserDb, account_id: str) -> None:
    """Let the address stay as it is, and emit EmailChangeCancelled. Raises EmailChangeNotFound."""
    accounts.lock(db, account_id)
    if not withdraw(db, account_id):
        raise EmailChangeNotFound
    emit(db, EmailChangeCancelled(account_id=account_id))


def withdraw(db: UserDb, account_id: str) -> bool:
    """Forget what was asked for of an account, which is locked; return False if there was nothing."""
    one_time_tokens.withdraw(db, account_id, PURPOSES)
    gone = delete(email_changes).where(email_changes.c.account_id == account_id, _is_open())
    return db.execute(gone.returning(email_changes.c.account_id)).first() is not None


def confirm(db: UserDb, token: str) -> bool:
    """Use up one of both tokens, and return whether the address was changed by that. Raises TokenExpiredOrUsed.

    With the second one the address is changed, sessions end, and EmailChanged is emitted; or EmailChangeRefused, if the
    new address has an account by now.
    """
    account_id, purpose = one_time_tokens.find(db, token, PURPOSES)
    context.act_as(account_id)
    accounts.lock(db, account_id)
    one_time_tokens.redeem(db, token, purpose)
    used = email_changes.c.proved_at if purpose == Purpose.EMAIL_PROOF else email_changes.c.consented_at
    statement = update(email_changes).where(email_changes.c.account_id == account_id, _is_open())
    change = db.execute(statement.values({used: func.now()}).returning(*email_changes.c)).first()
    account = accounts.find(db, account_id)
    if change is None or account.suspended or account.purge_at:
        raise TokenExpiredOrUsed
    if change.proved_at is None or change.consented_at is None:
        return False
    return _apply(db, account_id, change.session_id)


def _apply(db: UserDb, account_id: str, session_id: str) -> bool:
    """Change the address of an account; return False if another account has the new one."""
    if not db.scalar(_APPLY, {"id": account_id}):
        emit(db, EmailChangeRefused(account_id=account_id))
        return False
    # What was sent to the old address is of no use to whoever reads it later.
    one_time_tokens.withdraw(db, account_id, tuple(Purpose))
    emit(db, EmailChanged(account_id=account_id))
    verification.note(db, account_id)
    sessions.revoke_others(db, account_id, session_id, "email_changed")
    return True


def requested(db: UserDb, account_id: str) -> str | None:
    """Return the address that was asked for and isn't that of the account yet; None for none."""
    query = select(email_changes.c.email).where(email_changes.c.account_id == account_id, _is_open())
    return db.scalar(query)


def was_asked_for_consent(db: UserDb, account_id: str) -> bool:
    """Return whether the address that an account had when another was asked for last was verified then."""
    query = select(email_changes.c.email).where(email_changes.c.account_id == account_id, is_unasked())
    return db.execute(query).first() is None


def is_unasked() -> ColumnElement[bool]:
    """Return whether a change has needed no consent: it was noted in the moment in which the change was asked for."""
    return email_changes.c.expires_at - email_changes.c.consented_at == LIFETIME


def _is_open() -> ColumnElement[bool]:
    # Not the transaction's start: it may have waited.
    return email_changes.c.ended_at.is_(None) & (email_changes.c.expires_at > func.clock_timestamp())
