"""What whoever has opened or refreshed a session is given."""

from typing import Annotated

from pydantic import Field

from functions.schemas.base import Reply


class TokenPair(Reply):
    """A session: an access token for the Authorization header, and a refresh token to trade for the next pair."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: Annotated[int, Field(description="Seconds until the access token expires.")]
