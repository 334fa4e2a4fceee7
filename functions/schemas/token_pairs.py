"""What whoever has opened or refreshed a session is given."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from functions.schemas.base import Reply


class AccessToken(Reply):
    """An access token for the Authorization header."""

    access_token: str
    token_type: str
    expires_in: Annotated[int, Field(description="Seconds until the access token expires.")]


class ProgramPair(AccessToken):
    """A program's session: an access token, and a refresh token to trade for the next pair."""

    refresh_token: str


class TokenPair(AccessToken):
    """A session: an access token for the Authorization header, and a refresh token to trade for the next pair."""

    described_headers: ClassVar[Mapping[str, str]] = {"Set-Cookie": "The refresh token, where it is kept in a cookie."}

    refresh_token: Annotated[str | None, Field(description="Null where it is kept in a cookie.")]
    cookie: Annotated[str | None, Field(exclude=True)] = None
    """The header that sets the cookie, if the refresh token is kept in one."""

    def headers(self) -> dict[str, str]:
        """Return the refresh token, if it isn't in the body."""
        return {} if self.cookie is None else {"Set-Cookie": self.cookie}
