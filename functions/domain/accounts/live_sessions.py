"""Whether a session is still good, asked on every authenticated call to a function that works on user_psql."""

from sqlalchemy import text

from functions.domain.databases import UserDb

_LIVE = text("select 1 from sessions where id = :id and revoked_at is null")


def is_live(db: UserDb, session_id: str) -> bool:
    """Return whether the session exists and wasn't revoked."""
    return db.execute(_LIVE, {"id": session_id}).first() is not None
