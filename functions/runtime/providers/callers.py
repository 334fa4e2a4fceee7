"""Callers: a handler's parameter of one of these types is its guard. No caller type means that it is public."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, Self

from typing_extensions import override

from core import context
from core.configuration import secret
from events.event import EVERYBODY
from functions.domain import revocations
from functions.domain.accounts import live_sessions
from functions.domain.accounts.access_tokens import (
    AUDIENCE,
    ISSUER,
    LEAST,
    LIFETIME_SECONDS,
    SECOND_FACTOR,
    TYPE,
    Authentication,
    acr,
)
from functions.domain.accounts.keys import ALGORITHM, PUBLIC
from functions.domain.api_errors import Forbidden, Unauthenticated
from functions.domain.databases import SharedDb, UserDb
from functions.domain.principals import Principal, is_key
from functions.runtime.databases import DatabaseUnavailable
from functions.runtime.declarations import Declaration
from functions.runtime.providers.base import CALLER, Call, Parameter, Provider, Schema, Schemas, is_a, members
from functions.runtime.providers.databases import SHARED_PSQL, USER_PSQL

if TYPE_CHECKING:
    from jwt import PyJWK

RECENT_SECONDS: Final = 600
"""For how long a log-in is a recent one."""

LEEWAY_SECONDS: Final = 5
"""By how much the clock of whoever opened the session may differ from this one's."""


_INVALID: Final = {"WWW-Authenticate": 'Bearer realm="botberi", error="invalid_token"'}
"""The header by which RFC 6750 tells a client that its token isn't valid, rather than missing."""


class TokenExpired(Unauthenticated):
    """The access token has expired: refresh the session."""

    headers: ClassVar[dict[str, str]] = _INVALID


class SessionRevoked(Unauthenticated):
    """This session has ended: log in again."""

    headers: ClassVar[dict[str, str]] = _INVALID


_INSUFFICIENT: Final = 'Bearer realm="botberi", error="insufficient_user_authentication"'
"""How RFC 9470 tells a client that its token is valid, but its user has to prove more."""


class ReauthenticationRequired(Unauthenticated):
    """You logged in too long ago for this: log in again."""

    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": f'{_INSUFFICIENT}, max_age="{RECENT_SECONDS}"'}


class InsufficientAal(Forbidden):
    """This needs a second factor: log in with one, or refresh the session in which you have just added it."""

    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": f'{_INSUFFICIENT}, acr_values="{acr(SECOND_FACTOR)}"'}


def _not_taken(detail: str | None = None) -> Unauthenticated:
    """Return the API error for a token or key that isn't valid."""
    api_error = Unauthenticated(detail)
    api_error.headers = _INVALID  # type: ignore[misc]
    return api_error


@dataclass(frozen=True)
class Claims:
    """What an access token says, once it is checked."""

    account_id: str
    """`usr_…`"""
    session_id: str
    scopes: frozenset[str]
    expires_at: float
    """Seconds since 1970."""
    authentication: Authentication


@dataclass(frozen=True)
class User:
    """The caller of an endpoint for everybody who is logged in."""

    scope: ClassVar[str] = "user"
    least_aal: ClassVar[int] = 1
    """The authenticator assurance level that their log-in has to have."""
    max_age: ClassVar[int | None] = None
    """How long ago they may have logged in, in seconds; None for as long as they like."""

    id: str
    """`usr_…`"""
    session_id: str
    scopes: frozenset[str]
    authentication: Authentication = LEAST

    @classmethod
    def of(cls, claims: Claims) -> Self:
        """Return the caller that a token's claims speak of.

        Raises Forbidden if they lack the scope, ReauthenticationRequired and InsufficientAal.
        """
        if cls.scope not in claims.scopes:
            detail = f"This needs the scope {cls.scope!r}, which your account doesn't have."
            raise Forbidden(detail)
        if cls.max_age is not None and claims.authentication.at + cls.max_age + LEEWAY_SECONDS < time.time():
            raise ReauthenticationRequired
        if claims.authentication.aal < cls.least_aal:
            raise InsufficientAal
        return cls(claims.account_id, claims.session_id, claims.scopes, claims.authentication)


class RecentUser(User):
    """Somebody who has logged in within the last ten minutes."""

    max_age: ClassVar[int | None] = RECENT_SECONDS


class RecentAal2User(RecentUser):
    """Somebody who has logged in with a second factor within the last ten minutes."""

    least_aal: ClassVar[int] = SECOND_FACTOR


class Admin(User):
    """An administrator."""

    scope: ClassVar[str] = "admin"


class Broker(User):
    """A system or person that may publish events and look into the event path."""

    scope: ClassVar[str] = "broker"


@dataclass(frozen=True)
class Publisher(Broker):
    """A caller that may publish: an account with the scope `broker`, or another system with its publisher's key."""

    given: Principal | None = None
    """What another system may publish; None for an account."""

    def principal(self) -> Principal:
        """Return what the caller may publish: an account the types for everybody, under its own source."""
        return self.given or Principal(self.id, frozenset({EVERYBODY}), sources=(f"/accounts/{self.id}",))


class Guard(Provider):
    """Fills a parameter that is a `User` or a descendant of it with the caller, whose token and session it checks."""

    stage = CALLER
    errors = (Unauthenticated, TokenExpired, SessionRevoked, Forbidden, DatabaseUnavailable)

    caller: type[User]

    def __init__(self, parameter: Parameter) -> None:
        """Take the type of caller from the parameter."""
        super().__init__(parameter)
        if is_a(parameter.annotation, User):
            self.caller = parameter.annotation
            recent = () if self.caller.max_age is None else (ReauthenticationRequired,)
            strong = () if self.caller.least_aal < SECOND_FACTOR else (InsufficientAal,)
            self.errors = (*self.errors, *recent, *strong)

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether a parameter's type is that of callers."""
        return is_a(parameter.annotation, User)

    @override
    def value(self, call: Call) -> User:
        """Return the caller. Raises the API errors that are among its `errors`."""
        caller = self._known(call)
        call.caller_id = caller.id
        return caller

    def _known(self, call: Call) -> User:
        token = bearer(call.request.headers.get("Authorization"))
        if self.caller is Publisher and is_key(token):
            other = publisher(SharedDb(call.session(SHARED_PSQL)), token)
            context.act_as(other.id)
            return other
        known = claims(token)
        context.act_as(known.account_id)
        caller = self.caller.of(known)
        _check_open(call, caller)
        return caller

    @override
    def connects(self, declaration: Declaration) -> tuple[str, ...]:
        """Return shared_psql if the handler has no database: there a revoked session is looked up."""
        return () if declaration.databases else (SHARED_PSQL,)

    @override
    def secrets(self, declaration: Declaration) -> tuple[str, ...]:
        """Return the name of the secret with the public keys of tokens."""
        return (PUBLIC,)

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return how to authenticate. Only OAuth has scopes in a security requirement, so the scope is in the text."""
        needs = [f"the scope `{self.caller.scope}`"]
        if self.caller.max_age is not None:
            needs.append(f"a log-in of the last {self.caller.max_age // 60} minutes")
        if self.caller.least_aal == SECOND_FACTOR:
            needs.append("a second factor")
        *first, last = needs
        told = f"{', '.join(first)} and {last}" if first else last
        return {"security": [{"bearer": []}], "description": f" Needs {told}."}


class OptionalGuard(Guard):
    """Fills a parameter that is a `User | None`: None stands for somebody who shows no token; one that is shown counts.

    Whether they may have what they ask for without one is the handler's to say.
    """

    def __init__(self, parameter: Parameter) -> None:
        """Take everybody who is logged in."""
        super().__init__(parameter)
        self.caller = User

    @override
    @classmethod
    def takes(cls, parameter: Parameter) -> bool:
        """Return whether a parameter's type is that of callers, or None."""
        return set(members(parameter.annotation)) == {User, type(None)}

    @override
    def value(self, call: Call) -> User | None:  # type: ignore[override]
        """Return the caller, or None without a token. Raises what `Guard.value` does for one that is shown."""
        return None if call.request.headers.get("Authorization") is None else super().value(call)

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return that a token may be shown."""
        return {"security": [{"bearer": []}, {}]}


def _check_open(call: Call, caller: User) -> None:
    """Raise SessionRevoked unless the caller's session is open.

    It is looked up in the handler's own transaction where that is opened anyway, which saves a round trip. A handler
    that prepares, or opens transactions itself, must not hold one so early: there it is a short one of its own.
    user_psql goes first where both are at hand, since it knows of a log-out at once.
    """
    declaration = call.declaration
    opened = () if declaration.prepares else declaration.holds
    if USER_PSQL in opened:
        check_session(caller, user=UserDb(call.session(USER_PSQL)), shared=None)
    elif SHARED_PSQL in opened:
        check_session(caller, user=None, shared=SharedDb(call.session(SHARED_PSQL)))
    elif USER_PSQL in declaration.databases:
        with call.short(USER_PSQL) as user:
            check_session(caller, user=UserDb(user), shared=None)
    else:
        with call.short(SHARED_PSQL) as shared:
            check_session(caller, user=None, shared=SharedDb(shared))


def publisher(db: SharedDb, key: str) -> Publisher:
    """Return the publisher whose key this is. Raises Unauthenticated."""
    from functions.domain.event_path import publishers

    given = publishers.of_key(db, key)
    if given is None:
        raise _not_taken("This key is no publisher's, or no longer.")
    return Publisher(given.id, "", given.scopes, given=given)


def bearer(header: str | None) -> str:
    """Return the access token or key in an Authorization header. Raises Unauthenticated."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()


def claims(token: str) -> Claims:
    """Return the claims of an access token after checking its signature, kind and times.

    Raises TokenExpired, and Unauthenticated for any other fault.
    """
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        found = jwt.decode(
            token,
            _keys(secret(PUBLIC))[str(header.get("kid"))],
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub", "sid", "scope"]},
        )
    except jwt.ExpiredSignatureError:
        raise TokenExpired from None
    except (jwt.PyJWTError, KeyError, ValueError):
        raise _not_taken() from None
    if header.get("typ") != TYPE or found["exp"] - found["iat"] > LIFETIME_SECONDS:
        raise _not_taken()
    scopes = frozenset(str(found["scope"]).split())
    # A release that knows neither claim may have signed the token: then they are worth the least.
    second, at = found.get("acr") == acr(SECOND_FACTOR), found.get("auth_time")
    told = Authentication(SECOND_FACTOR if second else 1, at if isinstance(at, int) else 0)
    return Claims(str(found["sub"]), str(found["sid"]), scopes, float(found["exp"]), told)


def key_of(token: str) -> str:
    """Return the id of the key that signed an access token whose claims were checked."""
    import jwt

    return str(jwt.get_unverified_header(token)["kid"])


def live_keys() -> frozenset[str]:
    """Return the ids of the keys with which access tokens may be signed at this moment."""
    return frozenset(_keys(secret(PUBLIC)))


# By the text of the secret, which is read for every token: a key that was added or removed counts at once.
@lru_cache(maxsize=1)
def _keys(text: str) -> "dict[str, PyJWK]":
    import jwt

    return {str(key.key_id): key for key in jwt.PyJWKSet.from_json(text).keys}


def check_session(caller: User, *, user: UserDb | None, shared: SharedDb | None) -> None:
    """Raise SessionRevoked if one of the databases given knows the caller's session as ended.

    user_psql knows it at once, shared_psql as soon as the event has arrived.
    """
    if user is not None and not live_sessions.is_live(user, caller.session_id):
        raise SessionRevoked
    if shared is not None and revocations.is_revoked(shared, caller.session_id):
        raise SessionRevoked
