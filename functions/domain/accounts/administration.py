"""What administrators do about accounts: suspend, restore and verify them, say what they may do, reset second factors.

Whatever takes something away ends the account's sessions, and its API keys that had it, in the same transaction. Each
of those ends is an event, as that of a log-out is, so that it acts within seconds wherever tokens and keys are good.
"""

from collections.abc import Collection

from sqlalchemy import update

from events.catalog.accounts import AccountRestored, AccountScopesChanged, AccountSuspended
from events.outbox import emit
from functions.domain.accounts import accounts, api_keys, factors, sessions, verification
from functions.domain.accounts.accounts import SCOPES, Account
from functions.domain.accounts.tables import accounts as table
from functions.domain.api_errors import FieldError, Invalid
from functions.domain.databases import UserDb


class ScopeUnknown(Invalid):
    """There is no such scope: `errors` says which."""


def suspend(db: UserDb, account_id: str, reason: str) -> bool:
    """Suspend an account and end its sessions and API keys. Raises NotFound.

    Return False, having done nothing, when it is suspended already.
    """
    if _locked(db, account_id).suspended:
        return False
    _change(db, account_id, suspended=True)
    emit(db, AccountSuspended(account_id=account_id, reason=reason))
    sessions.revoke_all(db, account_id, "account_suspended")
    api_keys.revoke_all(db, account_id, "account_suspended")
    return True


def restore(db: UserDb, account_id: str, reason: str) -> bool:
    """Let an account be used again; return False, having done nothing, when it isn't suspended. Raises NotFound."""
    if not _locked(db, account_id).suspended:
        return False
    _change(db, account_id, suspended=False)
    emit(db, AccountRestored(account_id=account_id, reason=reason))
    return True


def change_scopes(db: UserDb, account_id: str, scopes: Collection[str], reason: str) -> bool:
    """Give an account these scopes; return False when it has just these.

    If it loses one, its sessions end, and its API keys that had that one.

    Raises NotFound and ScopeUnknown.
    """
    if unknown := sorted(set(scopes) - set(SCOPES)):
        errors = [FieldError("/scopes", "unknown", f"There is no scope {scope!r}.") for scope in unknown]
        raise ScopeUnknown(errors=errors)
    before = _locked(db, account_id).scopes
    wanted = [scope for scope in SCOPES if scope in scopes]
    if set(wanted) == set(before):
        return False
    _change(db, account_id, scopes=wanted)
    emit(db, AccountScopesChanged(account_id=account_id, scopes=wanted, scopes_before=list(before), reason=reason))
    if lost := set(before) - set(wanted):
        sessions.revoke_all(db, account_id, "scopes_withdrawn")
        api_keys.revoke_with(db, account_id, lost, "scopes_withdrawn")
    return True


def reset_factors(db: UserDb, account_id: str, reason: str) -> bool:
    """Let an account log in with its password alone, and end its sessions; return False if it does so already.

    Raises NotFound.
    """
    _locked(db, account_id)
    if not factors.forget(db, account_id, reason):
        return False
    sessions.revoke_all(db, account_id, "factors_reset")
    return True


def verify(db: UserDb, account_id: str) -> bool:
    """Vouch for the address of an account; return False when it is verified already. Raises NotFound."""
    _locked(db, account_id)
    return verification.note(db, account_id)


def _locked(db: UserDb, account_id: str) -> Account:
    """Return an account, locked."""
    accounts.lock(db, account_id)
    return accounts.find(db, account_id)


def _change(db: UserDb, account_id: str, **columns: bool | list[str]) -> None:
    db.execute(update(table).where(table.c.id == account_id).values(columns))
