"""Instances for tests, of agents that are written for the test."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from sqlalchemy import text

from functions.domain.catalog import agents, bundle_store, bundles, releases
from functions.domain.catalog.releases import Release
from functions.domain.databases import SharedDb
from testing import seeing_through
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response
from tools.documents import Document

ECHO: Final = 'def agent(request):\n    return {"text": request.get_json()["text"]}\n'
ANY_CONFIG: Final = {"type": "object"}


def publish(
    env: Environment,
    folder: Path,
    source: str = ECHO,
    *,
    schema: Mapping[str, object] | None = None,
    image: str | None = None,
) -> str:
    """Put an agent with this main.py, or this image, into the catalog; return its slug."""
    slug = f"test-{uuid.uuid4().hex}"
    folder = folder / slug
    folder.mkdir()
    (folder / "main.py").write_text(source)
    with env.transaction("shared_psql", "admin") as connection:
        db = SharedDb(connection)
        agents.create(db, slug, name=slug, summary="For a test.")
        bundle = None if image else bundle_store.keep(bundles.bundle(folder))
        # Not by `releases.checked`, which refuses an image.
        releases.publish(db, slug, Release("1.0.0", schema or ANY_CONFIG, image, bundle))
    return slug


@dataclass(frozen=True)
class Launched:
    """An instance, through the eyes of its owner."""

    id: str
    owner: Person
    api: Api
    env: Environment

    @property
    def path(self) -> str:
        """The path of the instance in the user API."""
        return f"/v1/instances/{self.id}"

    def read(self) -> Document:
        """Return the instance as its owner reads it; fails unless that is answered with 200."""
        answer = self.api.user.get(self.path, token=self.owner.token)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    @property
    def status(self) -> str:
        """The status that its owner reads now."""
        return str(self.read()["status"])

    def ask(self, verb: str) -> Response:
        """Ask for the instance to `start`, `stop` or `delete`, and return the answer."""
        if verb == "delete":
            return self.api.user.delete(self.path, token=self.owner.token)
        return self.api.user.post(f"{self.path}/{verb}", token=self.owner.token)

    def ask_agent(self, words: object, **headers: str) -> Response:
        """Send the agent a message, and return the answer, which is a run or an error."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"text": words}
        return self.api.user.post(f"{self.path}/messages", json=body, token=self.owner.token, headers=told)

    def say(self, words: object) -> Response:
        """Send the agent a message, and return its run after it was seen through, or the error if it isn't taken."""
        if self.api.has_runner:
            return self.ask_agent(words, Prefer="wait=30")
        answer = self.ask_agent(words)
        if answer.status_code != HTTPStatus.ACCEPTED:
            return answer
        seeing_through.see_through(self.env, answer.json["id"])
        return self.api.user.get(f"/v1/runs/{answer.json['id']}", token=self.owner.token)

    def history(self) -> list[Document]:
        """Return what happened to it, oldest first."""
        answer = self.api.user.get(f"{self.path}/events?limit=100", token=self.owner.token)
        return list(reversed(answer.json["items"]))

    def statuses(self) -> list[str]:
        """Return the statuses that it had, oldest first, without its first."""
        return [event["value"] for event in self.history() if event["kind"] == "status"]

    def reasons(self) -> list[str]:
        """Return the reasons for everything that happened to it, oldest first."""
        return [event["reason"] for event in self.history()]

    def put(self, **columns: object) -> None:
        """Write into its row, past everything that guards it; a string that ends with `()` or an interval is SQL."""
        sets = ", ".join(f"{name} = {value}" for name, value in columns.items())
        with self.env.transaction("shared_psql", "migrator") as db:
            db.execute(text(f"update instances set {sets} where id = :id"), {"id": self.id})

    def row(self) -> Document:
        """Return the instance's row of the database."""
        with self.env.transaction("shared_psql", "migrator") as db:
            return dict(db.execute(text("select * from instances where id = :id"), {"id": self.id}).mappings().one())


def launch(
    api: Api, env: Environment, owner: Person, agent: str, config: Mapping[str, object] | None = None
) -> Launched:
    """Create an instance of an agent."""
    wanted = {"agent": agent, "name": "A test", "config": config or {}}
    answer = api.user.post("/v1/instances", json=wanted, token=owner.token)
    assert answer.status_code == 201, answer.text
    return Launched(str(answer.json["id"]), owner, api, env)
