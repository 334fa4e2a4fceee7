"""Leaving: an account that its owner deletes is of use to nobody at once, and is purged after a while.

Until then it can be restored. The purge takes all of it out of user_psql, and says so; a subscriber takes the rest out
of shared_psql. What is left is the audit trail, in which the account's id stands for somebody of whom nothing is known.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, text, update

from core.configuration import setting
from events.catalog.accounts import AccountDeleted, AccountPurged, AccountRestored
from events.outbox import emit
from functions.domain.accounts import accounts, administration, api_keys, email_changes, one_time_tokens, sessions
from functions.domain.accounts.one_time_tokens import Purpose
from functions.domain.accounts.tables import accounts as table
from functions.domain.api_errors import Conflict
from functions.domain.audit import erasing
from functions.domain.databases import UserDb

SETTING: Final = "ACCOUNT_DELETION_DAYS"
"""For how many days an account that was deleted can be restored."""

DAYS: Final = 30

BATCH: Final = 100
"""Accounts that are purged at a time, at most."""

_PURGE: Final = text("select purge_accounts(:most)")


class AccountNotDeleted(Conflict):
    """This account isn't deleted: log in."""


def delete(db: UserDb, account_id: str) -> datetime:
    """Delete an account, end its sessions and API keys, emit AccountDeleted, and return when it is purged.

    Raises AccountSuspended, AccountDeleted and LastAdministrator.
    """
    account = administration.locked(db, account_id)
    accounts.find_active(db, account_id)
    administration.check_others_left(db, account)
    purge_at = func.now() + timedelta(days=int(setting(SETTING, "") or DAYS))
    statement = update(table).where(table.c.id == account_id).values(purge_at=purge_at)
    due: datetime = db.execute(statement.returning(table.c.purge_at)).scalar_one()
    emit(db, AccountDeleted(account_id=account_id, purge_at=due))
    sessions.revoke_all(db, account_id, "account_deleted")
    api_keys.revoke_all(db, account_id, "account_deleted")
    email_changes.withdraw(db, account_id)
    one_time_tokens.withdraw(db, account_id, tuple(Purpose))
    return due


def restore(db: UserDb, email: str, password: str) -> None:
    """Let an account be used again by whoever knows its password, and emit AccountRestored.

    Raises EmailInvalid, CredentialsWrong, AccountSuspended and AccountNotDeleted.
    """
    account = accounts.prove(db, email, password)
    if account.suspended:
        raise accounts.AccountSuspended
    # Of two at once the second waits for the first, and finds nothing to restore.
    statement = update(table).where(table.c.id == account.id, table.c.purge_at.is_not(None))
    if db.execute(statement.values(purge_at=None).returning(table.c.id)).first() is None:
        raise AccountNotDeleted
    emit(db, AccountRestored(account_id=account.id, reason="restored_by_owner"))


def purge(db: UserDb) -> int:
    """Purge a batch of the accounts whose time has come, emit AccountPurged for each, and return how many."""
    purged = list(db.scalars(_PURGE, {"most": BATCH}))
    for account_id in purged:
        erasing.erase(db, account_id)
        emit(db, AccountPurged(account_id=account_id))
    return len(purged)
