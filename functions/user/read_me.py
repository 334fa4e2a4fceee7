"""GET /v1/me: the account of whoever asks."""

from functions.domain.accounts import profiles
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.me import Me


@endpoint("GET", "/v1/me")
def read_me(caller: User, db: UserDb) -> Me:
    """Return the caller's own account, with the ETag to send as `If-Match` when you change it."""
    return Me.model_validate(profiles.find(db, caller.id))
