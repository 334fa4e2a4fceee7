"""POST /v1/auth/refresh: trade a refresh token for the next one and a new access token."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import accounts, keys, refresh_tokens, sessions
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.schemas.base import Body
from functions.schemas.token_pairs import TokenPair


class Refresh(Body):
    """The newest refresh token of a session."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=256)]


class RefreshedPair(TokenPair):
    """The same session, with a new pair of tokens; keep the new refresh token and forget the old one."""


@endpoint(
    "POST",
    "/v1/auth/refresh",
    errors=(
        refresh_tokens.RefreshTokenInvalid,
        sessions.RefreshTokenReused,
        sessions.SessionEnded,
        accounts.AccountSuspended,
        accounts.AccountDeleted,
    ),
    resources=Resources(secrets=(keys.PRIVATE,)),
    audited=False,
)
def refresh_session(refresh: Refresh, client: Client, db: UserDb) -> RefreshedPair:
    """Rotate the session's refresh token; a spent one ends the session, since two people seem to hold it."""
    return RefreshedPair.model_validate(sessions.refresh(db, refresh.refresh_token, client))
