"""Access tokens: JWTs of ten minutes, which any function can check and only those that open sessions can make."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from functions.domain.accounts import keys

ISSUER: Final = "botberi"
AUDIENCE: Final = "botberi-api"

LIFETIME_SECONDS: Final = 600

TYPE: Final = "at+jwt"
"""The header `typ` of an access token (RFC 9068), by which no other JWT that these keys sign is taken for one."""

IMPERSONATION_TYPE: Final = "impersonation+jwt"
"""That of a token with which somebody acts for somebody else: whatever knows of none takes it for nobody's."""

IMPERSONATION_SECONDS: Final = 3600
"""The longest that such a token is good."""


SECOND_FACTOR: Final = 2
"""The authenticator assurance level of a log-in with two factors (NIST SP 800-63B); with a password alone it is 1."""


@dataclass(frozen=True)
class Authentication:
    """How and when somebody has proved who they are. The defaults are worth the least."""

    aal: int = 1
    """The authenticator assurance level: 1 or SECOND_FACTOR."""
    at: float = 0
    """Seconds since 1970."""


LEAST: Final = Authentication()


@dataclass(frozen=True)
class Grant:
    """What a client of OAuth may do for an account."""

    client_id: str
    client_name: str
    """What it calls itself."""
    resource: str
    """The one address at which its tokens are good."""
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Impersonation:
    """That somebody else acts for an account."""

    by: str
    """`usr_…`, of whoever acts."""
    may_write: bool
    """Whether they may change anything."""


def acr(aal: int) -> str:
    """Return an authenticator assurance level as the claim `acr` of a token names it."""
    return f"aal{aal}"


def issue(
    account_id: str,
    session_id: str,
    scopes: tuple[str, ...],
    authentication: Authentication = LEAST,
    grant: Grant | None = None,
) -> str:
    """Return a new access token, signed with the key that signs now; one of a client is good at its resource alone."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": account_id,
        "sid": session_id,
        "scope": " ".join(scopes),
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "acr": acr(authentication.aal),
        "auth_time": int(authentication.at),
    }
    if grant is not None:
        claims |= {"aud": grant.resource, "client_id": grant.client_id}
    return _signed(claims, TYPE)


def impersonate(account_id: str, session_id: str, impersonation: Impersonation, expires_at: int) -> str:
    """Return the one token of a session in which somebody acts for an account, with the claim `act` of RFC 8693.

    Nothing has been proved by the account's owner, so it is worth the least. `expires_at` is in seconds since 1970.
    """
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": account_id,
        "sid": session_id,
        "scope": "user",
        "iat": int(time.time()),
        "exp": expires_at,
        "act": {"sub": impersonation.by},
        "may_write": impersonation.may_write,
    }
    return _signed(claims, IMPERSONATION_TYPE)


def _signed(claims: Mapping[str, object], kind: str) -> str:
    import jwt

    kid, key = keys.signing_key()
    return jwt.encode(dict(claims), key, algorithm=keys.ALGORITHM, headers={"kid": kid, "typ": kind})
