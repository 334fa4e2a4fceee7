"""docs/security/access.md: what becomes of each kind of caller at each endpoint, as the types of callers say it.

The types are asked, with the claims of tokens and the scopes of keys. A test asks the endpoints, and compares.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from functions.domain.accounts.access_tokens import SECOND_FACTOR, Authentication, Impersonation
from functions.domain.accounts.accounts import ROLES, USER
from functions.domain.api_errors import ApiError, Unauthenticated
from functions.domain.live_api_keys import ApiKey
from functions.domain.verified_accounts import EmailUnverified
from functions.runtime.declarations import Declaration
from functions.runtime.problems import status_of
from functions.runtime.providers.callers import (
    ApiKeyInvalid,
    Claims,
    Guard,
    OptionalGuard,
    SessionRevoked,
    User,
)

FILE: Final = Path("docs/security/access.md")

IN: Final = "let in"

ANOTHERS: Final = ("instance_id", "run_id", "task_id", "conversation_id", "session_id", "key_id")
"""Parameters of paths in the user API that name what belongs to somebody."""

HOUR: Final = 3600

NOBODY: Final = "nobody"
UNVERIFIED: Final = "a user whose address isn't verified"
OTHER: Final = "another user"
SUSPENDED: Final = "a suspended user"
KEY: Final = "a user's API key"
KEY_WITHOUT_SCOPE: Final = "an API key without the scope"
EXPIRED_KEY: Final = "an API key that has expired"


@dataclass(frozen=True)
class LogIn:
    """How somebody has logged in."""

    scope: str = USER
    aal: int = 1
    age: int = 0
    """How many seconds ago."""
    impersonation: Impersonation | None = None
    """That of whoever acts for a user; `by` is their role."""


LOG_INS: Final = {
    "a user": LogIn(),
    "a user with two factors": LogIn(aal=SECOND_FACTOR),
    "a user who logged in an hour ago": LogIn(age=HOUR),
    OTHER: LogIn(aal=SECOND_FACTOR),
    UNVERIFIED: LogIn(),
    SUSPENDED: LogIn(),
    **{
        f"{role}{', with two factors' if aal == SECOND_FACTOR else ''}": LogIn(role, aal)
        for role in ROLES
        for aal in (1, SECOND_FACTOR)
    },
    "support, acting for a user": LogIn(impersonation=Impersonation("support", may_write=False)),
    "admin, acting for a user, who may write": LogIn(impersonation=Impersonation("admin", may_write=True)),
}
"""Those who show an access token."""

WHO: Final = (NOBODY, *LOG_INS, KEY, KEY_WITHOUT_SCOPE, EXPIRED_KEY)
"""Every kind of caller."""


def without_scope(guard: Guard | None) -> str:
    """Return the scope of a key that a guard doesn't let in for want of another."""
    opened = {guard.caller.scope, *guard.caller.wider} if guard else set()
    return next(scope for scope in (USER, "broker") if scope not in opened)


def names_anothers(endpoint: Declaration) -> bool:
    """Return whether the path of an endpoint names what belongs to some user."""
    return endpoint.api == "user" and any(f"{{{name}}}" in endpoint.path for name in ANOTHERS)


def launches(endpoint: Declaration) -> bool:
    """Return whether an endpoint is for users whose address is verified."""
    return endpoint.api == "user" and EmailUnverified in endpoint.errors and endpoint.protocol is None


def outcome(endpoint: Declaration, who: str) -> str:
    """Return what becomes of a kind of caller: that it is let in, or a status and a code."""
    guard = endpoint.parameter(Guard)
    if guard is None or (who == NOBODY and isinstance(guard, OptionalGuard)):
        return IN if not (who == OTHER and names_anothers(endpoint)) else "404"
    try:
        _let_in(endpoint, guard.caller, who)
    except ApiError as api_error:
        return f"{status_of(type(api_error))} `{api_error.code}`"
    return "404" if who == OTHER and names_anothers(endpoint) else IN


def _let_in(endpoint: Declaration, caller: type[User], who: str) -> None:
    """Raise the API error with which a kind of caller is refused."""
    if who == NOBODY:
        raise Unauthenticated
    if who == EXPIRED_KEY:
        raise ApiKeyInvalid
    if who in {KEY, KEY_WITHOUT_SCOPE}:
        scope = USER if who == KEY else without_scope(endpoint.parameter(Guard))
        caller.of_key(ApiKey("key_1", "usr_1", frozenset({scope}), datetime.max.replace(tzinfo=UTC), used_lately=True))
        return
    log_in = LOG_INS[who]
    authentication = Authentication(log_in.aal, time.time() - log_in.age)
    scopes, acting = frozenset({log_in.scope}), log_in.impersonation
    claims = Claims("usr_1", "ses_1", scopes, time.time() + HOUR, authentication, impersonation=acting)
    caller.of(claims, changes=endpoint.method != "GET")
    if who == SUSPENDED:
        raise SessionRevoked
    if who == UNVERIFIED and launches(endpoint):
        raise EmailUnverified


def page(endpoints: Sequence[Declaration], becomes: Callable[[Declaration, str], str] = outcome) -> str:
    """Return the page; `becomes` says what becomes of a kind of caller at an endpoint."""
    alike: dict[tuple[str, ...], list[Declaration]] = defaultdict(list)
    for each in endpoints:
        if each.api != "subscribers":
            alike[tuple(becomes(each, who) for who in WHO)].append(each)
    groups = sorted(alike.items(), key=lambda group: _order(group[1]))
    return "\n".join([_HEAD, *(_group(number, *group) for number, group in enumerate(groups, start=1))])


def _group(number: int, row: Sequence[str], members: Sequence[Declaration]) -> str:
    by_outcome: dict[str, list[str]] = defaultdict(list)
    for who, told in zip(WHO, row, strict=True):
        by_outcome[told].append(who)
    lines = [f"| {told} | {'; '.join(by_outcome[told])} |" for told in sorted(by_outcome, key=_rank)]
    table = "\n".join(("| what becomes of it | asked by |", "| --- | --- |", *lines))
    listed = "\n".join(f"- `{each.method} {each.path}`" for each in sorted(members, key=_place))
    return f"## {number}. {_callers(members)}\n\n{table}\n\n{listed}\n"


def _place(endpoint: Declaration) -> tuple[str, str]:
    return endpoint.path, endpoint.method


def _order(members: Sequence[Declaration]) -> tuple[str, tuple[str, str]]:
    return _callers(members), min(_place(each) for each in members)


def _rank(told: str) -> tuple[bool, str]:
    return told != IN, told


def _callers(members: Sequence[Declaration]) -> str:
    guards = [each.parameter(Guard) for each in members]
    return ", ".join(sorted({f"`{guard.caller.__name__}`" if guard else "Everybody" for guard in guards}))


def files(declarations: Sequence[Declaration]) -> Mapping[Path, str]:
    """Return the page by its path."""
    return {FILE: page(declarations)}


_HEAD: Final = """<!-- Written by `make manifests` from what the functions declare: change those, not this file. -->
# Who gets in where

What becomes of every kind of caller at every endpoint of the three APIs. Endpoints of which all is alike stand
together, below the type of caller that their code names
([what each means](../architecture/accounts.md#how-somebody-has-logged-in)). A test asks every endpoint as each of them,
and compares: so whoever changes who gets in where changes this page.

Whoever is let in may ask; what they are answered then is the endpoint's. Another user asks for somebody else's things
where an address names any, and is answered 404 then, as for what there is not. A key without the scope has another one.
"""
