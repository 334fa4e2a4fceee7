"""Whose address is verified, as shared_psql knows it: the event from user_psql brings it here.

An account whose address isn't verified reads and looks around, and launches nothing: whoever makes accounts by the
thousand would have to have as many mailboxes.
"""

from typing import Final

from sqlalchemy import text

from core.configuration import setting
from functions.domain.api_errors import Forbidden
from functions.domain.databases import SharedDb

SETTING: Final = "EMAIL_VERIFICATION"
"""`off` lets accounts launch whose address isn't verified; anything else doesn't."""

OFF: Final = "off"

_KNOWN: Final = text("select exists(select from verified_accounts where account_id = :account_id)")
_RECORD: Final = text("insert into verified_accounts (account_id) values (:account_id) on conflict do nothing")


class EmailUnverified(Forbidden):
    """Verify your address before you launch or start anything: with the token of the mail that you were sent."""


def may_launch(db: SharedDb, account_id: str) -> bool:
    """Return whether an account may launch and start instances, as far as its address goes."""
    if setting(SETTING, "") == OFF:
        return True
    return bool(db.execute(_KNOWN, {"account_id": account_id}).scalar_one())


def check(db: SharedDb, account_id: str) -> None:
    """Refuse to start something for an account whose address isn't verified. Raises EmailUnverified."""
    if not may_launch(db, account_id):
        more = "`POST /v1/auth/verify-email/resend` has another sent. If you have just done it, try again in a moment."
        raise EmailUnverified(f"{EmailUnverified.message()} {more}")


def record(db: SharedDb, account_id: str) -> None:
    """Remember that an account's address is verified."""
    db.execute(_RECORD, {"account_id": account_id})
