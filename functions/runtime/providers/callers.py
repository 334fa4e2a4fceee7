"""Callers: a handler's parameter of one of these types is its guard. No caller type means that it is public.

Whoever calls shows the access token of a session, or an API key, which is good wherever a token is unless the handler
asks for somebody who has logged in.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, Self

from sqlalchemy.exc import DBAPIError
from typing_extensions import override

from core import context
from core.configuration import secret
from events.event import EVERYBODY
from functions.domain import live_api_keys, revocations
from functions.domain.accounts import api_key_text, live_sessions
from functions.domain.accounts.access_tokens import (
    AUDIENCE,
    IMPERSONATION_SECONDS,
    IMPERSONATION_TYPE,
    ISSUER,
    LEAST,
    LIFETIME_SECONDS,
    SECOND_FACTOR,
    TYPE,
    Authentication,
    Impersonation,
    acr,
)
from functions.domain.accounts.keys import ALGORITHM, PUBLIC
from functions.domain.api_errors import ApiError, Forbidden, Unauthenticated
from functions.domain.databases import SharedDb, UserDb
from functions.domain.live_api_keys import ApiKey
from functions.domain.principals import Principal, is_key
from functions.runtime.databases import DatabaseUnavailable, described, transaction
from functions.runtime.declarations import Declaration
from functions.runtime.providers.base import CALLER, Call, Parameter, Provider, Schema, Schemas, is_a, members
from functions.runtime.providers.databases import SHARED_PSQL, USER_PSQL

if TYPE_CHECKING:
    from jwt import PyJWK

log = logging.getLogger(__name__)

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


class ApiKeyInvalid(Unauthenticated):
    """This API key is mistyped, unknown, expired or revoked; a new one may take a second to be known everywhere."""

    headers: ClassVar[dict[str, str]] = _INVALID


class SessionRequired(Forbidden):
    """An API key may not do this: log in, and show the access token of the session."""


class Impersonated(Forbidden):
    """Whoever acts for somebody else may not do this."""


_INSUFFICIENT: Final = 'Bearer realm="botberi", error="insufficient_user_authentication"'
"""How RFC 9470 tells a client that its token is valid, but its user has to prove more."""


class ReauthenticationRequired(Unauthenticated):
    """You logged in too long ago for this: log in again."""

    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": f'{_INSUFFICIENT}, max_age="{RECENT_SECONDS}"'}


def check_recent(authentication: Authentication, max_age: int = RECENT_SECONDS) -> None:
    """Raise ReauthenticationRequired if somebody has logged in more than so many seconds ago."""
    if authentication.at + max_age + LEEWAY_SECONDS < time.time():
        raise ReauthenticationRequired


class InsufficientAal(Forbidden):
    """This needs a second factor: log in with one. POST /v1/me/mfa/totp adds the first; then refresh your session."""

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
    client_id: str | None = None
    """Of the client of OAuth whose token it is; None for people's own."""
    impersonation: Impersonation | None = None
    """Who acts for the account; None for itself."""

    @property
    def actor(self) -> str:
        """Who acts, as the trail and events say it: whoever does so for an account is named before it."""
        return self.account_id if self.impersonation is None else f"{self.impersonation.by}/{self.account_id}"


@dataclass(frozen=True)
class User:
    """The caller of an endpoint for everybody who has an account."""

    scope: ClassVar[str] = "user"
    wider: ClassVar[tuple[str, ...]] = ()
    """Scopes that will do in its place."""
    takes_keys: ClassVar[bool] = True
    """Whether an API key is as good as a log-in."""
    least_aal: ClassVar[int] = 1
    """The authenticator assurance level that their log-in has to have."""
    max_age: ClassVar[int | None] = None
    """How long ago they may have logged in, in seconds; None for as long as they like."""

    is_watched: ClassVar[bool] = False
    """Whether they are staff, who are shown what is others': each time there is an entry in the audit trail."""

    id: str
    """`usr_…`"""
    scopes: frozenset[str]
    session_id: str | None = None
    """`ses_…`, of whoever has logged in."""
    key_id: str | None = None
    """`key_…`, of whoever shows an API key instead."""
    authentication: Authentication = LEAST

    @classmethod
    def of(cls, claims: Claims, *, changes: bool = True) -> Self:
        """Return the caller that a token's claims speak of, who `changes` something or only reads.

        Raises Impersonated, SessionRequired, Forbidden if they lack the scope, ReauthenticationRequired and
        InsufficientAal.
        """
        if claims.impersonation is not None:
            cls._check_impersonation(claims.impersonation, changes=changes)
        if claims.client_id is not None and not cls.takes_keys:
            raise SessionRequired
        cls.check_scopes(claims.scopes, "your account")
        if cls.max_age is not None:
            check_recent(claims.authentication, cls.max_age)
        if claims.authentication.aal < cls.least_aal:
            raise InsufficientAal
        return cls(claims.account_id, claims.scopes, session_id=claims.session_id, authentication=claims.authentication)

    @classmethod
    def of_key(cls, key: ApiKey) -> Self:
        """Return the caller who shows an API key. Raises SessionRequired, and Forbidden if it lacks the scope."""
        if not cls.takes_keys:
            raise SessionRequired
        cls.check_scopes(key.scopes, "this API key")
        return cls(key.account_id, key.scopes, key_id=key.id)

    @classmethod
    def _check_impersonation(cls, impersonation: Impersonation, *, changes: bool) -> None:
        """Raise Impersonated for what is for people themselves, and for a change by whoever may only read.

        What is for people themselves, and not for their programs, is their password, factors, keys, sessions, address,
        consents, exports and all else that would let somebody stay.
        """
        if not cls.takes_keys:
            raise Impersonated
        if changes and not impersonation.may_write:
            detail = "This token of somebody who acts for somebody else is for reading alone: nothing but GET."
            raise Impersonated(detail)

    @classmethod
    def check_scopes(cls, scopes: frozenset[str], holder: str) -> None:
        """Raise Forbidden unless these, which `holder` has, are enough."""
        if not scopes & {cls.scope, *cls.wider}:
            detail = f"This needs the scope {cls.scope!r}, which {holder} doesn't have."
            raise Forbidden(detail)


@dataclass(frozen=True)
class LoggedIn(User):
    """Somebody who has logged in: people themselves, and not their programs."""

    takes_keys: ClassVar[bool] = False

    session_id: str = ""

    def have_proved_what_there_is(self, second_factor: bool) -> None:
        """Raise InsufficientAal if their account has a second factor, and they haven't logged in with one."""
        if second_factor and self.authentication.aal < SECOND_FACTOR:
            raise InsufficientAal


class RecentUser(LoggedIn):
    """Somebody who has logged in within the last ten minutes."""

    max_age: ClassVar[int | None] = RECENT_SECONDS


class RecentAal2User(RecentUser):
    """Somebody who has logged in with a second factor within the last ten minutes."""

    least_aal: ClassVar[int] = SECOND_FACTOR


class CatalogReader(User):
    """A curator of the catalog, or an administrator; their programs too, since all that this shows is the catalog."""

    scope: ClassVar[str] = "catalog"
    wider: ClassVar[tuple[str, ...]] = ("admin",)


class Staff(LoggedIn):
    """Somebody who looks after the platform, in person, and has shown a second factor.

    Each role is a scope. What it may read and change follows from the type of caller that an endpoint names.
    """

    scope: ClassVar[str] = "admin"
    least_aal: ClassVar[int] = SECOND_FACTOR
    is_watched: ClassVar[bool] = True


class Admin(Staff):
    """An administrator, who may do all that the other roles may, and alone gives roles and engages kill switches."""


class CatalogEditor(Staff):
    """A curator of the catalog, or an administrator."""

    scope: ClassVar[str] = "catalog"
    wider: ClassVar[tuple[str, ...]] = ("admin",)


class Support(Staff):
    """Somebody who helps people with their accounts and instances, or an administrator."""

    scope: ClassVar[str] = "support"
    wider: ClassVar[tuple[str, ...]] = ("admin",)


class Auditor(Staff):
    """Somebody who reads what has happened, or an administrator."""

    scope: ClassVar[str] = "auditor"
    wider: ClassVar[tuple[str, ...]] = ("admin",)


class BrokerReader(User):
    """A system or person that may look into the event path, or an administrator."""

    scope: ClassVar[str] = "broker"
    wider: ClassVar[tuple[str, ...]] = ("admin",)


class BrokerOperator(Staff):
    """Somebody who looks after the event path, or an administrator."""

    scope: ClassVar[str] = "broker"
    wider: ClassVar[tuple[str, ...]] = ("admin",)


@dataclass(frozen=True)
class Publisher(User):
    """A caller that may publish: an account with the scope `broker`, or another system with its publisher's key."""

    scope: ClassVar[str] = "broker"

    given: Principal | None = None
    """What another system may publish; None for an account."""

    def principal(self) -> Principal:
        """Return what the caller may publish: an account the types for everybody, under its own source."""
        return self.given or Principal(self.id, frozenset({EVERYBODY}), sources=(f"/accounts/{self.id}",))


class Guard(Provider):
    """Fills a parameter that is a `User` or a descendant of it with the caller, whose token and session it checks."""

    stage = CALLER
    errors: tuple[type[ApiError], ...] = (
        *(Unauthenticated, TokenExpired, SessionRevoked, ApiKeyInvalid),
        *(Forbidden, Impersonated, DatabaseUnavailable),
    )

    caller: type[User]

    def __init__(self, parameter: Parameter) -> None:
        """Take the type of caller from the parameter."""
        super().__init__(parameter)
        if is_a(parameter.annotation, User):
            self.caller = parameter.annotation
            recent = () if self.caller.max_age is None else (ReauthenticationRequired,)
            strong = () if self.caller.least_aal < SECOND_FACTOR else (InsufficientAal,)
            by_session = () if self.caller.takes_keys else (SessionRequired,)
            self.errors = (*self.errors, *by_session, *recent, *strong)

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
        if api_key_text.is_meant(token):
            key = _key(call, token)
            context.act_as(key.actor)
            return self.caller.of_key(key)
        protocol = call.declaration.protocol
        known = claims(token, *(protocol.audiences(call.request) if protocol else ()))
        context.act_as(known.actor)
        call.impersonation = known.impersonation
        caller = self.caller.of(known, changes=call.declaration.method != "GET")
        with _looked_up(call) as (user, shared):
            check_open(caller, user=user, shared=shared)
        return caller

    @override
    def connects(self, declaration: Declaration) -> tuple[str, ...]:
        """Return shared_psql if the handler has no database: there sessions and API keys are looked up."""
        return () if declaration.databases else (SHARED_PSQL,)

    @override
    def secrets(self, declaration: Declaration) -> tuple[str, ...]:
        """Return the name of the secret with the public keys of tokens."""
        return (PUBLIC,)

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return how to authenticate. Only OAuth has scopes in a security requirement, so the scope is in the text."""
        needs = [
            f"the scope {' or '.join(f'`{each}`' for each in (self.caller.scope, *self.caller.wider))}",
            *(() if self.caller.takes_keys else ("a session, not an API key",)),
        ]
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


@contextmanager
def _looked_up(call: Call) -> Iterator[tuple[UserDb | None, SharedDb | None]]:
    """Open the database in which the call's session or API key is to be looked up, and yield it in its place.

    It is looked up in the handler's own transaction where that is opened anyway, which saves a round trip. A handler
    that prepares, or opens transactions itself, must not hold one so early: there it is a short one of its own.
    user_psql goes first where both are at hand, since it knows of a log-out, and of a key, at once.
    """
    declaration = call.declaration
    opened = () if declaration.prepares else declaration.holds
    if USER_PSQL in opened:
        yield UserDb(call.session(USER_PSQL)), None
    elif SHARED_PSQL in opened:
        yield None, SharedDb(call.session(SHARED_PSQL))
    elif USER_PSQL in declaration.databases:
        with call.short(USER_PSQL) as user:
            yield UserDb(user), None
    else:
        with call.short(SHARED_PSQL) as shared:
            yield None, SharedDb(shared)


def _key(call: Call, token: str) -> ApiKey:
    """Return the API key that a call shows, and have its use noted. Raises ApiKeyInvalid."""
    use = _Use(call)
    with _looked_up(call) as (user, shared):
        db = user or shared
        key = None if db is None else live_api_keys.find(db, token)
    if key is None:
        raise ApiKeyInvalid
    use.of(key, USER_PSQL if user is not None else SHARED_PSQL)
    return key


class _Use:
    """The use of an API key by a call, noted once in a minute.

    That is done when the call's own transactions have ended: it needs a connection, of which a process has few, and
    whoever waits for one must not hold another. Whatever becomes of it, the call's answer stays as it is.
    """

    def __init__(self, call: Call) -> None:
        """Have it noted at the end of the call, once `of` has told which key it is: before any transaction is open."""
        self._role = call.declaration.api
        self._key: ApiKey | None = None
        self._database = ""
        call.stack.callback(self._note)

    def of(self, key: ApiKey, database: str) -> None:
        """Tell which key is used, and the database that knows it."""
        self._key, self._database = key, database

    def _note(self) -> None:
        if self._key is None or self._key.used_lately:
            return
        try:
            with transaction(self._database, self._role) as db:
                live_api_keys.note_use(UserDb(db) if self._database == USER_PSQL else SharedDb(db), self._key.id)
        except (DatabaseUnavailable, DBAPIError) as error:
            log.warning("the use of %s was not noted: %s", self._key.id, described(error))


def publisher(db: SharedDb, key: str) -> Publisher:
    """Return the publisher whose key this is. Raises Unauthenticated."""
    from functions.domain.event_path import publishers

    given = publishers.of_key(db, key)
    if given is None:
        raise _not_taken("This key is no publisher's, or no longer.")
    return Publisher(given.id, given.scopes, given=given)


def bearer(header: str | None) -> str:
    """Return the access token or key in an Authorization header. Raises Unauthenticated."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()


def claims(token: str, *resources: str) -> Claims:
    """Return the claims of an access token after checking its signature, kind and times.

    It is for the whole API, and somebody's own, or a client's for one of the `resources`.

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
            audience=(AUDIENCE, *resources),
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub", "sid", "scope"]},
        )
    except jwt.ExpiredSignatureError:
        raise TokenExpired from None
    except (jwt.PyJWTError, KeyError, ValueError):
        raise _not_taken() from None
    impersonation = _impersonation(found)
    kind, longest = (TYPE, LIFETIME_SECONDS) if impersonation is None else (IMPERSONATION_TYPE, IMPERSONATION_SECONDS)
    if header.get("typ") != kind or found["exp"] - found["iat"] > longest:
        raise _not_taken()
    client_id = found.get("client_id")
    if (found["aud"] == AUDIENCE) != (client_id is None):
        raise _not_taken()
    scopes = frozenset(str(found["scope"]).split())
    # A release that knows neither claim may have signed the token: then they are worth the least.
    second, at = found.get("acr") == acr(SECOND_FACTOR), found.get("auth_time")
    told = Authentication(SECOND_FACTOR if second else 1, at if isinstance(at, int) else 0)
    return Claims(str(found["sub"]), str(found["sid"]), scopes, float(found["exp"]), told, client_id, impersonation)


def _impersonation(found: Mapping[str, object]) -> Impersonation | None:
    """Return who acts for the subject of a token, as its claim `act` says (RFC 8693); None if nobody does."""
    act = found.get("act")
    if act is None:
        return None
    by = act.get("sub") if isinstance(act, dict) else None
    if not isinstance(by, str):
        raise _not_taken()
    return Impersonation(by, found.get("may_write") is True)


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


def check_open(caller: User, *, user: UserDb | None, shared: SharedDb | None) -> None:
    """Raise SessionRevoked or ApiKeyInvalid if one of the databases given knows what the caller showed as ended.

    user_psql knows it at once, shared_psql as soon as the event has arrived. A key that was just looked up is good.
    """
    if caller.session_id is not None:
        if user is not None and not live_sessions.is_live(user, caller.session_id):
            raise SessionRevoked
        if shared is not None and revocations.is_revoked(shared, caller.session_id):
            raise SessionRevoked
    if caller.key_id is not None and shared is not None and live_api_keys.has_ended(shared, caller.key_id):
        raise ApiKeyInvalid
