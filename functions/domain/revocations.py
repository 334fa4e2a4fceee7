"""Sessions that were revoked, as shared_psql knows them: the event from user_psql brings them here."""

from datetime import datetime

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.domain.databases import SharedDb
from shared_psql_models.sessions import revoked_sessions


def is_revoked(db: SharedDb, session_id: str) -> bool:
    """Tell whether the session was revoked while its access tokens could still be used."""
    return bool(db.scalar(select(exists().where(revoked_sessions.c.session_id == session_id))))


def record(db: SharedDb, session_id: str, expires_at: datetime) -> None:
    """Remember a revoked session until its last access token has expired, and forget those that have."""
    db.execute(delete(revoked_sessions).where(revoked_sessions.c.expires_at < func.now()))
    row = {"session_id": session_id, "expires_at": expires_at}
    db.execute(insert(revoked_sessions).values(row).on_conflict_do_nothing())
