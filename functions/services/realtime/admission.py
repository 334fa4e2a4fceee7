"""Who may in: the bearer of a good access token, whose session has not ended, or of a good API key."""

import time
from dataclasses import dataclass

from functions.domain.accounts import api_key_text
from functions.runtime.providers import callers
from functions.runtime.providers.callers import LEEWAY_SECONDS, User
from functions.services.realtime.credentials import Credentials


@dataclass(frozen=True)
class Admitted:
    """Somebody whose token or API key is good."""

    caller: User
    credential_id: str
    """The id of the session or API key, with whose end this ends."""
    signed_by: str | None
    """The id of the key that signed the token; None for an API key."""
    expires_at: float
    """Seconds since 1970."""

    @property
    def seconds_left(self) -> float:
        """For how long the token or key is taken from now on."""
        return self.expires_at + LEEWAY_SECONDS - time.time()


async def admit(token: str, credentials: Credentials) -> Admitted:
    """Return whose token or API key it is.

    Raises Unauthenticated, SessionRevoked, ApiKeyInvalid, Impersonated, Forbidden and SessionsUnknown.
    """
    if api_key_text.is_meant(token):
        key = await credentials.find_key(token)
        if key is None:
            raise callers.ApiKeyInvalid
        return Admitted(User.of_key(key), key.id, None, key.expires_at.timestamp())
    claims = callers.claims(token)
    if claims.impersonation is not None:
        # What is done for somebody else is kept in the trail each time, to which nothing here can write.
        raise callers.Impersonated
    caller = User.of(claims)
    if await credentials.has_ended(claims.session_id):
        raise callers.SessionRevoked
    return Admitted(caller, claims.session_id, callers.key_of(token), claims.expires_at)
