"""DELETE /v1/me/sessions/{session_id}: log out somewhere else."""

from functions.domain.accounts import sessions
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import RecentUser
from functions.schemas.sessions import SessionId


@endpoint("DELETE", "/v1/me/sessions/{session_id}", status=204, errors=(sessions.SessionNotFound,))
def delete_session(caller: RecentUser, session_id: SessionId, db: UserDb) -> None:
    """End a session: its refresh token is worth nothing at once, its access tokens within five seconds."""
    sessions.revoke_one(db, caller.id, session_id, "ended_by_owner")
