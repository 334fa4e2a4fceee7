"""POST /v1/auth/refresh: trade a refresh token for the next one and a new access token."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import accounts, keys, refresh_tokens, sessions
from functions.domain.api_errors import FieldError, Invalid, Unauthenticated
from functions.domain.databases import UserDb
from functions.runtime.declarations import Empty, Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.runtime.providers.refresh_cookie import RefreshCookie
from functions.schemas.base import Body
from functions.schemas.token_pairs import TokenPair


class Refresh(Body):
    """The newest refresh token of a session."""

    refresh_token: Annotated[
        str | None,
        Field(
            min_length=1, max_length=256, description="Left out where it is in a cookie.", examples=["rt_AZfB8qi0fD"]
        ),
    ] = None


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
def refresh_session(refresh: Refresh, cookie: RefreshCookie, client: Client, db: UserDb) -> RefreshedPair | Empty:
    """Rotate the session's refresh token; a spent one ends the session, since two people seem to hold it.

    Nothing is answered where it is kept in a cookie, and there is none: then nobody is logged in.
    """
    token = refresh.refresh_token or cookie.token
    if token is None and cookie.wanted:
        return Empty(None, status=204)
    if token is None:
        raise Invalid(errors=[FieldError("/refresh_token", "missing", "Field required")])
    try:
        return cookie.keep(RefreshedPair.model_validate(sessions.refresh(db, token, client)))
    except Unauthenticated as refused:
        raise cookie.dropped(refused) from None
