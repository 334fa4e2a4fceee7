"""People for tests: registered and logged in."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from functions.domain.accounts import accounts
from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path import publishers
from functions.domain.event_path.publishers import Wanted
from testing.clients import Api
from testing.environment import Environment

PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of people who exist for a second


@dataclass(frozen=True)
class Person:
    """Somebody with a session."""

    id: str
    email: str
    password: str
    token: str
    """The access token."""
    refresh_token: str


def arrive(api: Api, env: Environment, scopes: Collection[str]) -> Person:
    """Register somebody new with `scopes` and log in."""
    email = f"{uuid.uuid4().hex}@example.com"
    person_id = _create(env, email, tuple(scopes)) if set(scopes) != {"user"} else _register(api, email)
    session = api.user.post("/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert session.status_code == 200, session.text
    return Person(person_id, email, PASSWORD, session.json["access_token"], session.json["refresh_token"])


def _register(api: Api, email: str) -> str:
    registered = api.user.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
    assert registered.status_code == 201, registered.text
    return str(registered.json["id"])


def _create(env: Environment, email: str, scopes: Sequence[str]) -> str:
    with env.transaction("user_psql", "admin") as db:
        return accounts.create_account(UserDb(db), email, PASSWORD, scopes).id


def publisher(env: Environment, *sources: str, scopes: Sequence[str] = ("records",)) -> str:
    """Let another system publish under `sources`; return its key."""
    with env.transaction("shared_psql", "admin") as db:
        return publishers.create(SharedDb(db), Wanted(f"system-{uuid.uuid4().hex}", sources, scopes=scopes))[1]
