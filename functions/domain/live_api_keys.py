"""API keys that are good, as whoever is shown one asks for them: in user_psql, or in shared_psql, by the same words.

user_psql knows of a key, and of its end, at once. The events of both bring them to shared_psql.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from functions.domain.accounts import api_key_text
from functions.domain.databases import SharedDb, UserDb

FIND: Final = "select id, account_id, scopes, expires_at, used_lately from api_key_of(:hash)"
NOTE_USE: Final = "select note_api_key_use(:id)"
ENDED: Final = "select ended_api_keys(:ids)"

_FIND: Final = text(FIND)
_NOTE_USE: Final = text(NOTE_USE)
_ENDED: Final = text(ENDED)
_TO_RECORD: Final = text("select hash, account_id, scopes, expires_at from api_key_to_record(:id)")
_RECORD: Final = text("select record_api_key(:id, :hash, :account_id, :scopes, :expires_at)")
_REVOKE: Final = text("select revoke_api_key(:id, :expires_at)")
_USES: Final = text("select id, last_used_at from api_key_uses(:ids)")


@dataclass(frozen=True)
class ApiKey:
    """A key that is good, without its text."""

    id: str
    """`key_…`"""
    account_id: str
    """Whose it is, `usr_…`."""
    scopes: frozenset[str]
    expires_at: datetime
    used_lately: bool
    """Whether its use was noted within the last minute."""

    @property
    def actor(self) -> str:
        """Who acts by it: the account, and the key."""
        return f"{self.account_id}/{self.id}"


def find(db: UserDb | SharedDb, key: str) -> ApiKey | None:
    """Return the API key with this text; None if it has another form, is unknown, has expired or was revoked."""
    if not api_key_text.is_well_formed(key):
        return None
    row = db.execute(_FIND, {"hash": api_key_text.hashed(key)}).first()
    return None if row is None else ApiKey(row[0], row[1], frozenset(row[2]), row[3], row[4])


def note_use(db: UserDb | SharedDb, key_id: str) -> None:
    """Note that a key was used, unless that was noted within the last minute."""
    db.execute(_NOTE_USE, {"id": key_id})


def has_ended(db: SharedDb, key_id: str) -> bool:
    """Return whether a key isn't good any more, as far as shared_psql knows."""
    return db.execute(_ENDED, {"ids": [key_id]}).first() is not None


def record(db: SharedDb, user: UserDb, key_id: str) -> None:
    """Make a key known in shared_psql, as user_psql has it, unless it has ended."""
    row = user.execute(_TO_RECORD, {"id": key_id}).first()
    if row is not None:
        values = {"hash": row[0], "account_id": row[1], "scopes": list(row[2]), "expires_at": row[3]}
        db.execute(_RECORD, {"id": key_id, **values})


def revoke(db: SharedDb, key_id: str, expires_at: datetime) -> None:
    """Let a key be known as revoked in shared_psql, whether or not it was made known before."""
    db.execute(_REVOKE, {"id": key_id, "expires_at": expires_at})


def uses(db: SharedDb, key_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when each key was last used by what works on shared_psql, for those that were."""
    found = db.execute(_USES, {"ids": list(key_ids)})
    return {row[0]: row[1] for row in found}
