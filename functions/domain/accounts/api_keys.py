"""API keys of an account: made and revoked by their owner, and ended with what the account may do no more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Row, func, insert, select, update

from core.configuration import setting
from core.ids import new_id
from events.catalog.accounts import ApiKeyCreated, ApiKeyRevoked
from events.outbox import emit
from functions.domain import live_api_keys
from functions.domain.accounts import api_key_text
from functions.domain.accounts.accounts import find_active
from functions.domain.accounts.tables import accounts, api_keys
from functions.domain.api_errors import Conflict, FieldError, Invalid, NotFound
from functions.domain.databases import SharedDb, UserDb

SETTING: Final = "API_KEY_ENVIRONMENT"
"""The word in the keys of this installation, such as `live` or `test`."""

MOST: Final = 20
"""Keys that an account may have at a time."""

LONGEST_DAYS: Final = 365


class ApiKeyNotFound(NotFound):
    """You have no API key with this id."""


class TooManyApiKeys(Conflict):
    """Your account has twenty API keys already: delete one first."""


class ScopesNotGranted(Invalid):
    """An API key may do what your account may, and no more: `errors` says which scopes it can't have."""


@dataclass(frozen=True)
class Created:
    """A new key: the one time that its text is known."""

    id: str
    key: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Listed:
    """A key that wasn't revoked, without its text."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


def create(db: UserDb, account_id: str, *, name: str, scopes: Sequence[str], days: int) -> Created:
    """Make a key that is good for so many days, and emit ApiKeyCreated.

    Raises AccountSuspended, ScopesNotGranted and TooManyApiKeys.
    """
    # Of two at once, the second counts what the first has made. Whoever suspends the account or takes a scope away
    # waits for this lock, or has been waited for: what is read after it is so until the key is there to be ended.
    db.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update(key_share=True))
    account = find_active(db, account_id)
    errors = [
        FieldError(f"/scopes/{place}", "scope_not_granted", f"Your account doesn't have the scope {scope!r}.")
        for place, scope in enumerate(scopes)
        if scope not in account.scopes
    ]
    if errors:
        raise ScopesNotGranted(errors=errors)
    good = (api_keys.c.account_id == account_id) & _is_open() & (api_keys.c.expires_at > func.now())
    if (db.scalar(select(func.count()).select_from(api_keys).where(good)) or 0) >= MOST:
        raise TooManyApiKeys
    key, key_id = api_key_text.new(setting(SETTING, "test")), new_id("key")
    kept = [scope for scope in account.scopes if scope in scopes]
    values = {
        "id": key_id,
        "account_id": account_id,
        "hash": api_key_text.hashed(key),
        "name": name,
        "scopes": kept,
        "expires_at": func.now() + timedelta(days=days),
    }
    times = db.execute(insert(api_keys).values(values).returning(api_keys.c.created_at, api_keys.c.expires_at)).one()
    emit(db, ApiKeyCreated(key_id=key_id, account_id=account_id, scopes=kept, expires_at=times.expires_at))
    return Created(key_id, key, name, tuple(kept), times.created_at, times.expires_at)


def list_open(db: UserDb, shared: SharedDb, account_id: str, *, before: str | None, limit: int) -> list[Listed]:
    """Return the keys of an account that weren't revoked, the newest first: up to `limit`, made before `before`."""
    columns = api_keys.c["id", "name", "scopes", "created_at", "expires_at", "last_used_at"]
    query = select(*columns).where(api_keys.c.account_id == account_id, _is_open())
    if before is not None:
        query = query.where(api_keys.c.id < before)
    rows = db.execute(query.order_by(api_keys.c.id.desc()).limit(limit)).all()
    # Each database notes the use of what works on it.
    uses = live_api_keys.uses(shared, [row.id for row in rows])
    return [_listed(row, uses.get(row.id)) for row in rows]


def _listed(row: Row[*tuple[object, ...]], elsewhere: datetime | None) -> Listed:
    known = [used for used in (row.last_used_at, elsewhere) if used is not None]
    return Listed(row.id, row.name, tuple(row.scopes), row.created_at, row.expires_at, max(known, default=None))


def revoke_own(db: UserDb, account_id: str, key_id: str) -> None:
    """Revoke a key for its owner, and emit ApiKeyRevoked. Raises ApiKeyNotFound unless it is theirs and open."""
    which = (api_keys.c.account_id == account_id) & (api_keys.c.id == key_id)
    if not _revoke(db, which, "revoked_by_owner"):
        raise ApiKeyNotFound


def revoke_all(db: UserDb, account_id: str, reason: str) -> int:
    """Revoke the keys of an account, emit ApiKeyRevoked for each, and return how many there were."""
    return _revoke(db, api_keys.c.account_id == account_id, reason)


def revoke_with(db: UserDb, account_id: str, scopes: Collection[str], reason: str) -> int:
    """Revoke the keys of an account that have one of these scopes, as `revoke_all` does."""
    return _revoke(db, (api_keys.c.account_id == account_id) & api_keys.c.scopes.bool_op("&&")(list(scopes)), reason)


def _is_open() -> ColumnElement[bool]:
    return api_keys.c.revoked_at.is_(None)


def _revoke(db: UserDb, which: ColumnElement[bool], reason: str) -> int:
    statement = (
        update(api_keys)
        .where(which, _is_open())
        .values(revoked_at=func.now(), revoked_reason=reason)
        .returning(api_keys.c.id, api_keys.c.account_id, api_keys.c.expires_at)
    )
    ended = db.execute(statement).all()
    for row in ended:
        emit(db, ApiKeyRevoked(key_id=row.id, account_id=row.account_id, reason=reason, expires_at=row.expires_at))
    return len(ended)
