"""Verifying the address of an account: by a token that was sent there."""

from core import context
from events.catalog.accounts import EmailVerified
from events.outbox import emit
from functions.domain.accounts import accounts, one_time_tokens
from functions.domain.accounts.one_time_tokens import Purpose
from functions.domain.databases import UserDb


def verify(db: UserDb, token: str) -> None:
    """Use a token up, and note that mail to its account's address arrives. Raises TokenExpiredOrUsed."""
    account_id = one_time_tokens.redeem(db, token, Purpose.EMAIL_VERIFICATION)
    context.act_as(account_id)
    note(db, account_id)


def note(db: UserDb, account_id: str) -> bool:
    """Note that mail to an account's address arrives, and emit EmailVerified; return False when that was known."""
    if not accounts.set_verified(db, account_id):
        return False
    emit(db, EmailVerified(account_id=account_id))
    return True
