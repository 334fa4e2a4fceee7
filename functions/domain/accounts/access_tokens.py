"""Access tokens: JWTs of ten minutes, which any function can check and only those that open sessions can make."""

import time
from typing import Final

from functions.domain.accounts import keys

ISSUER: Final = "botberi"
AUDIENCE: Final = "botberi-api"

LIFETIME_SECONDS: Final = 600

TYPE: Final = "at+jwt"
"""The header `typ` of an access token (RFC 9068), by which no other JWT that these keys sign is taken for one."""


def issue(account_id: str, session_id: str, scopes: tuple[str, ...]) -> str:
    """Return a new access token, signed with the key that signs now."""
    import jwt

    kid, key = keys.signing_key()
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": account_id,
        "sid": session_id,
        "scope": " ".join(scopes),
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
    }
    return jwt.encode(claims, key, algorithm=keys.ALGORITHM, headers={"kid": kid, "typ": TYPE})
