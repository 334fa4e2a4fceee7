"""People for tests: with an account, logged in, and with API keys for their programs."""

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import jwt
from sqlalchemy import text

from core import context
from core.ids import new_id
from functions.domain import live_api_keys, verified_accounts
from functions.domain.accounts import access_tokens, accounts
from functions.domain.accounts.access_tokens import Authentication
from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path import publishers
from functions.domain.event_path.publishers import Wanted
from testing.clients import Api
from testing.environment import Environment

PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of people who exist for a second

_HASH: Final = "$argon2id$v=19$m=8,t=2,p=1$2wBZR6T1T409hz4F0wRdhw$xVp9g9YaspOZqL2nydZr+6sSev38HAHj1OIi1GaiMjU"
"""Of PASSWORD, with as little work as argon2 does: thousands of people log in during the tests."""


@dataclass(frozen=True)
class Person:
    """Somebody with a session."""

    id: str
    email: str
    password: str
    token: str
    """The access token."""
    refresh_token: str


def arrive(api: Api, env: Environment, scopes: Collection[str], *, verified: bool = True) -> Person:
    """Make an account for somebody new with `scopes`, as if they had registered, and log in.

    Their address is `verified`, which is known everywhere at once, and nobody is told of it. The token of somebody who
    has a role says that they have shown a second factor, which they haven't got.
    """
    email, person_id = f"{uuid.uuid4().hex}@example.com", new_id("usr")
    acting = context.entered(context.Context.start(actor=person_id))
    with acting, env.transaction("user_psql", "admin") as db:
        accounts.add(UserDb(db), email, _HASH, tuple(scopes), account_id=person_id)
        if verified:
            accounts.set_verified(UserDb(db), person_id)
    if verified:
        with env.transaction("shared_psql", "subscribers") as db:
            verified_accounts.record(SharedDb(db), person_id)
    session = api.user.post("/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert session.status_code == 200, session.text
    somebody = Person(person_id, email, PASSWORD, session.json["access_token"], session.json["refresh_token"])
    return replace(somebody, token=logged_in(somebody)) if set(scopes) & set(accounts.ROLES) else somebody


def logged_in(somebody: Person, *, aal: int = access_tokens.SECOND_FACTOR, age: float = 0) -> str:
    """Return a token of somebody's session that says how well, and how many seconds ago, they have logged in."""
    told = jwt.decode(somebody.token, options={"verify_signature": False})
    authentication = Authentication(aal, time.time() - age)
    return access_tokens.issue(told["sub"], told["sid"], tuple(told["scope"].split()), authentication)


def impersonating(api: Api, staff: Person, somebody: Person, *, write: bool = False) -> str:
    """Return a token with which one of the staff acts for somebody."""
    asked = {"reason": "A test.", "write": write}
    begun = api.admin.post(f"/v1/admin/accounts/{somebody.id}/impersonate", token=staff.token, json=asked)
    assert begun.status_code == 200, begun.text
    return str(begun.json["access_token"])


@dataclass(frozen=True)
class Key:
    """An API key of somebody's."""

    id: str
    text: str


def api_key(api: Api, env: Environment, owner: Person, *scopes: str) -> Key:
    """Let somebody make an API key with `scopes`, and have it known everywhere, as its event does."""
    wanted = {"name": "A program", "scopes": list(scopes or ("user",))}
    made = api.user.post("/v1/me/api-keys", token=owner.token, json=wanted)
    assert made.status_code == 201, made.text
    record_api_key(env, made.json["id"])
    return Key(made.json["id"], made.json["key"])


def record_api_key(env: Environment, key_id: str) -> None:
    """Have an API key known in shared_psql."""
    with env.transaction("user_psql", "subscribers") as user, env.transaction("shared_psql", "subscribers") as shared:
        live_api_keys.record(SharedDb(shared), UserDb(user), key_id)


def expire_api_key(env: Environment, key_id: str) -> None:
    """Let an API key have expired an hour ago."""
    for database in ("user_psql", "shared_psql"):
        with env.transaction(database, "migrator") as db:
            expired = text("update api_keys set expires_at = now() - interval '1 hour' where id = :id")
            db.execute(expired, {"id": key_id})


def publisher(env: Environment, *sources: str, scopes: Sequence[str] = ("records",)) -> str:
    """Let another system publish under `sources`; return its key."""
    with env.transaction("shared_psql", "admin") as db:
        return publishers.create(SharedDb(db), Wanted(f"system-{uuid.uuid4().hex}", sources, scopes=scopes))[1]
