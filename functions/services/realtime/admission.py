"""Who may in: the bearer of a good access token, whose session has not ended."""

import time
from dataclasses import dataclass

from functions.runtime.providers import callers
from functions.runtime.providers.callers import LEEWAY_SECONDS, User
from functions.services.realtime.sessions import Sessions


@dataclass(frozen=True)
class Admitted:
    """Somebody whose token is good."""

    caller: User
    key_id: str
    """The id of the key that signed the token."""
    expires_at: float
    """Seconds since 1970."""

    @property
    def seconds_left(self) -> float:
        """For how long the token is taken from now on."""
        return self.expires_at + LEEWAY_SECONDS - time.time()


async def admit(token: str, sessions: Sessions) -> Admitted:
    """Return whose token it is. Raises Unauthenticated, SessionRevoked, Forbidden and SessionsUnknown."""
    claims = callers.claims(token)
    caller = User.of(claims)
    if await sessions.has_ended(caller.session_id):
        raise callers.SessionRevoked
    return Admitted(caller, callers.key_of(token), claims.expires_at)
