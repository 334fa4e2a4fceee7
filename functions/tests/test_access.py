"""The page of who gets in where is true of every endpoint there is, so that a new one is covered by itself.

Whoever is let in is answered 422, since each request has a query parameter that there isn't: so nothing is changed by
asking. Other people's things are asked for as they are, and so is what an unverified account can't do.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import jwt
from sqlalchemy import text

from functions.domain import revocations
from functions.domain.accounts import administration
from functions.domain.accounts.accounts import ROLES, USER
from functions.domain.databases import SharedDb, UserDb
from functions.jobs import converge
from functions.runtime.declarations import Declaration
from functions.runtime.functions import declarations
from functions.runtime.providers.callers import Guard
from functions.tests.asking import ask, body_of, path_of
from provisioning.local_settings import ROOT
from testing import people
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response
from tools.manifests import access

UNKNOWN: Final = "?no_such_parameter=1"

CODES: Final = re.compile(
    '"(unauthenticated|session_revoked|api_key_invalid|forbidden|session_required|email_unverified'
    '|reauthentication_required|insufficient_aal|impersonated)"'
)
"""What callers are refused with, in whatever protocol."""

Launch = Callable[..., Launched]


@dataclass(frozen=True)
class World:
    """Everybody who asks."""

    api: Api
    tokens: Mapping[str, str | None]
    """Of each kind of caller but keys without the scope."""
    keys: Mapping[str, str]
    """By their one scope."""
    things: Mapping[str, str]
    """What a user has, by parameters of paths."""
    unverified: Launched
    agent: str

    def becomes(self, endpoint: Declaration, who: str) -> str:
        """Ask an endpoint, and return what comes of it as the page says it."""
        if who == access.KEY_WITHOUT_SCOPE:
            token: str | None = self.keys[access.without_scope(endpoint.parameter(Guard))]
        else:
            token = self.tokens[who]
        if who == access.OTHER and access.names_anothers(endpoint):
            return told(ask(self.api, endpoint, path_of(endpoint, **self.things), token=token), as_it_is=True)
        if who == access.UNVERIFIED and access.launches(endpoint):
            path, body = path_of(endpoint, instance_id=self.unverified.id), body_of(endpoint)
            body = {**body, "agent": self.agent} if body else body
            return told(ask(self.api, endpoint, path, token=token, json=body), as_it_is=True)
        return told(ask(self.api, endpoint, path_of(endpoint) + UNKNOWN, token=token))


def told(answer: Response, *, as_it_is: bool = False) -> str:
    if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        found = CODES.search(answer.text)
        return f"{answer.status_code} `{found.group(1) if found else answer.text}`"
    return str(answer.status_code) if as_it_is else access.IN


def session_of(somebody: Person) -> str:
    return str(jwt.decode(somebody.token, options={"verify_signature": False})["sid"])


def suspend(env: Environment, somebody: Person) -> None:
    with env.transaction("user_psql", "admin") as db:
        administration.suspend(UserDb(db), somebody.id, "a test")
    with env.transaction("shared_psql", "subscribers") as db:
        revocations.record(SharedDb(db), session_of(somebody), datetime.now(UTC) + timedelta(days=1))


def expired(api: Api, env: Environment, owner: Person) -> str:
    key = people.api_key(api, env, owner)
    people.expire_api_key(env, key.id)
    return key.text


def a_world(api: Api, env: Environment, launch: Launch) -> World:
    launched, unverified = launch(), launch()
    converge.converge(launched.id)
    run = launched.ask_agent("hello").json
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(text("delete from verified_accounts where account_id = :id"), {"id": unverified.owner.id})
    user, other, suspended = launched.owner, people.arrive(api, env, [USER]), people.arrive(api, env, [USER])
    suspend(env, suspended)
    somebody = {role: people.arrive(api, env, [role]) for role in ROLES} | {USER: user}
    special = {access.OTHER: other, access.UNVERIFIED: unverified.owner, access.SUSPENDED: suspended}
    keys = {
        scope: people.api_key(api, env, people.arrive(api, env, {USER, scope}), scope).text
        for scope in (USER, "broker")
    }
    tokens = {
        name: people.logged_in(special.get(name, somebody[log_in.scope]), aal=log_in.aal, age=log_in.age)
        for name, log_in in access.LOG_INS.items()
    }
    acting = {
        name: people.impersonating(api, somebody[by.by], user, write=by.may_write)
        for name, log_in in access.LOG_INS.items()
        if (by := log_in.impersonation)
    }
    return World(
        api,
        tokens | acting | {access.NOBODY: None, access.KEY: keys[USER], access.EXPIRED_KEY: expired(api, env, user)},
        keys,
        {
            "instance_id": launched.id,
            "run_id": run["id"],
            "task_id": run["id"],
            "conversation_id": run["conversation_id"],
            "session_id": session_of(user),
            "key_id": people.api_key(api, env, user).id,
        },
        unverified,
        launched.read()["agent"],
    )


def test_who_gets_in_where_is_as_the_page_has_it(api: Api, env: Environment, launch: Launch) -> None:
    world = a_world(api, env, launch)
    assert world.things.keys() == {*access.ANOTHERS}
    assert access.page(declarations(), world.becomes) == (ROOT / access.FILE).read_text(encoding="utf-8")
