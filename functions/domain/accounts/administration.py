"""What administrators do about accounts: suspend, restore and verify them, say what they may do, reset second factors.

Whatever takes something away ends the account's sessions, and its API keys that had it, in the same transaction. Each
of those ends is an event, as that of a log-out is, so that it acts within seconds wherever tokens and keys are good.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import any_, func, literal, select, update

from events.catalog.accounts import AccountRestored, AccountScopesChanged, AccountSuspended, PasswordResetRequested
from events.outbox import emit
from functions.domain.accounts import accounts, api_keys, factors, sessions, verification
from functions.domain.accounts.accounts import ROLES, SCOPES, Account
from functions.domain.accounts.tables import accounts as table
from functions.domain.api_errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from functions.domain.databases import UserDb

ADMIN: Final = "admin"
"""The scope of administrators."""

_ADMINISTRATORS: Final = literal(ADMIN) == any_(table.c.scopes)


class ScopeUnknown(Invalid):
    """There is no such scope: `errors` says which."""


class AccountNotFound(NotFound):
    """There is no such account."""


class OwnAccount(Conflict):
    """This is your own account: have another administrator do that."""


class RoleNeeded(Forbidden):
    """This is the account of somebody who looks after the platform: an administrator may do that."""


class LastAdministrator(Conflict):
    """There would be no administrator left who can log in: make somebody else one first."""


def check_other(db: UserDb, account_id: str, caller_id: str, caller_scopes: Collection[str]) -> None:
    """Refuse what is done to others only, and by administrators only to those who have a role themselves.

    Raises AccountNotFound, OwnAccount and RoleNeeded.
    """
    if account_id == caller_id:
        raise OwnAccount
    if ADMIN not in caller_scopes and set(find(db, account_id).scopes) & set(ROLES):
        raise RoleNeeded


def find(db: UserDb, account_id: str) -> Account:
    """Return an account. Raises AccountNotFound."""
    try:
        return accounts.find(db, account_id)
    except NotFound:
        raise AccountNotFound from None


def suspend(db: UserDb, account_id: str, reason: str) -> bool:
    """Suspend an account and end its sessions and API keys. Raises AccountNotFound and LastAdministrator.

    Return False, having done nothing, when it is suspended already.
    """
    account = locked(db, account_id)
    if account.suspended:
        return False
    check_others_left(db, account)
    _change(db, account_id, suspended=True)
    emit(db, AccountSuspended(account_id=account_id, reason=reason))
    sessions.revoke_all(db, account_id, "account_suspended")
    api_keys.revoke_all(db, account_id, "account_suspended")
    return True


def restore(db: UserDb, account_id: str, reason: str) -> bool:
    """Let an account be used again that is suspended, or that its owner has deleted. Raises AccountNotFound.

    Return False, having done nothing, when it is neither.
    """
    account = locked(db, account_id)
    if not account.suspended and account.purge_at is None:
        return False
    _change(db, account_id, suspended=False, purge_at=None)
    emit(db, AccountRestored(account_id=account_id, reason=reason))
    return True


def change_scopes(db: UserDb, account_id: str, scopes: Collection[str], reason: str) -> bool:
    """Give an account these scopes; return False when it has just these.

    If it loses one, its sessions end, and its API keys that had that one.

    Raises AccountNotFound, ScopeUnknown and LastAdministrator.
    """
    if unknown := sorted(set(scopes) - set(SCOPES)):
        errors = [FieldError("/scopes", "unknown", f"There is no scope {scope!r}.") for scope in unknown]
        raise ScopeUnknown(errors=errors)
    account = locked(db, account_id)
    before = account.scopes
    wanted = [scope for scope in SCOPES if scope in scopes]
    if set(wanted) == set(before):
        return False
    if ADMIN not in wanted:
        check_others_left(db, account)
    _change(db, account_id, scopes=wanted)
    emit(db, AccountScopesChanged(account_id=account_id, scopes=wanted, scopes_before=list(before), reason=reason))
    if lost := set(before) - set(wanted):
        sessions.revoke_all(db, account_id, "scopes_withdrawn")
        api_keys.revoke_with(db, account_id, lost, "scopes_withdrawn")
    return True


def reset_factors(db: UserDb, account_id: str, reason: str) -> bool:
    """Let an account log in with its password alone, and end its sessions; return False if it does so already.

    Raises AccountNotFound.
    """
    locked(db, account_id)
    if not factors.forget(db, account_id, reason):
        return False
    sessions.revoke_all(db, account_id, "factors_reset")
    return True


def end_sessions(db: UserDb, account_id: str, words: str) -> None:
    """End the sessions of an account, and log-ins that have begun. Raises AccountNotFound."""
    locked(db, account_id)
    sessions.revoke_all(db, account_id, "ended_by_administrator", words)


def end_session(db: UserDb, account_id: str, session_id: str, words: str) -> None:
    """End a session of an account. Raises AccountNotFound, and SessionNotFound unless it is open and the account's."""
    find(db, account_id)
    sessions.revoke_one(db, account_id, session_id, "ended_by_administrator", words)


def request_password_reset(db: UserDb, account_id: str, words: str) -> None:
    """Have a token sent to an account's address, by which its owner sets another password. Raises AccountNotFound."""
    find(db, account_id)
    emit(db, PasswordResetRequested(account_id=account_id, message=words))


def verify(db: UserDb, account_id: str) -> bool:
    """Vouch for the address of an account; return False when it is verified already. Raises NotFound."""
    locked(db, account_id)
    return verification.note(db, account_id)


def locked(db: UserDb, account_id: str) -> Account:
    """Return an account, locked; if it is an administrator's, with those of all others. Raises AccountNotFound.

    So of two who take it from each other the second sees what the first did.
    """
    if ADMIN in find(db, account_id).scopes:
        # In one order, so that no two wait for each other.
        db.execute(select(table.c.id).where(_ADMINISTRATORS).order_by(table.c.id).with_for_update())
    accounts.lock(db, account_id)
    return find(db, account_id)


def check_others_left(db: UserDb, account: Account) -> None:
    """Raise LastAdministrator if an account, which is locked, is the only one of an administrator in good standing."""
    if ADMIN not in account.scopes or account.suspended or account.purge_at:
        return
    good = table.c.suspended.is_(False) & table.c.purge_at.is_(None)
    others = select(func.count()).where(_ADMINISTRATORS, good, table.c.id != account.id)
    if db.execute(others).scalar_one() == 0:
        raise LastAdministrator


def _change(db: UserDb, account_id: str, **columns: bool | list[str] | None) -> None:
    db.execute(update(table).where(table.c.id == account_id).values(columns))
