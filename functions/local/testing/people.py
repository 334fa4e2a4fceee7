"""People for tests: registered and logged in."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from functions.local.testing.clients import Api
from functions.local.testing.world import World

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


def arrive(api: Api, world: World, scopes: Collection[str]) -> Person:
    """Register somebody new with `scopes` and log in."""
    email = f"{uuid.uuid4().hex}@example.com"
    registered = api.user.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
    assert registered.status_code == 201, registered.text  # noqa: PLR2004 - HTTP status
    person_id = str(registered.json["id"])
    if set(scopes) != {"user"}:
        with world.transaction("user_psql", "migrator") as db:
            given = {"scopes": list(scopes), "id": person_id}
            db.execute(text("update accounts set scopes = :scopes where id = :id"), given)
    session = api.user.post("/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert session.status_code == 200, session.text  # noqa: PLR2004 - HTTP status
    tokens = session.json
    return Person(person_id, email, PASSWORD, tokens["access_token"], tokens["refresh_token"])
