"""Sessions that were revoked, as shared_psql knows them: the event from user_psql brings them here."""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from functions.domain.databases import SharedDb

_REVOKED: Final = text("select session_is_revoked(:session)")
_REMEMBER: Final = text("select remember_revoked(:session, :expires)")


def is_revoked(db: SharedDb, session_id: str) -> bool:
    """Return whether the session was revoked while its access tokens could still be used."""
    return bool(db.execute(_REVOKED, {"session": session_id}).scalar_one())


def record(db: SharedDb, session_id: str, expires_at: datetime) -> None:
    """Remember a revoked session until its last access token has expired, and forget those that have.

    Of two ends for one session the later holds.
    """
    db.execute(_REMEMBER, {"session": session_id, "expires": expires_at})
