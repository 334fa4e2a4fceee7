"""`botberi agents publish`: it speaks to the API, as a browser does, and needs nothing else."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import click
from pydantic import BaseModel, JsonValue, ValidationError

from cli import agent_folder
from cli.agent_folder import About, FolderInvalid
from core import http_client
from core.logs import said
from functions.domain.catalog.agents import AgentNotFound

SECONDS: Final = 60
"""How long an answer may take: the first publication of a while wakes a function."""


class _Session(BaseModel):
    access_token: str


class _Published(BaseModel):
    id: str
    number: str
    channels: list[str]


class _Wrong(BaseModel):
    pointer: str
    message: str


class _Problem(BaseModel):
    code: str
    detail: str
    errors: list[_Wrong] = []


class _Listed(BaseModel):
    name: str
    summary: str
    description: str
    tags: list[str]
    capabilities: list[str]


_REMEDIES: Final = {
    "route_not_found": "Name by --api what stands before /v1 in the addresses of the API.",
    "unauthenticated": "A token is good for ten minutes: get another, or leave --token away and log in.",
    "forbidden": "Publishing is for accounts with the scope admin.",
    "version_exists": "Its number is `version` in agent.json.",
}
"""What to do about API errors whose own words are for programs that call the API."""


@click.command("publish")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--api", default="http://localhost:8080", show_default=True, help="Where the API is.")
@click.option("--slug", help="The agent's name in addresses; without it, the folder's name.")
@click.option(
    "--channel",
    "channels",
    multiple=True,
    type=click.Choice(("stable", "beta")),
    help="A channel to point at it; without it, stable moves to a version that is higher and no pre-release.",
)
@click.option(
    "--token",
    "token_file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="A file with an administrator's access token, - for what is piped in; without it, you are asked to log in.",
)
def publish(folder: Path, api: str, slug: str | None, channels: tuple[str, ...], token_file: Path | None) -> None:
    """Publish the agent in FOLDER, which holds main.py and agent.json, and perhaps config_schema.json.

    An agent that the catalog doesn't have is added to it. Tests, byte code and hidden files stay here.
    """
    slug = slug or folder.resolve().name
    problems: list[str] = []
    with _collected(problems):
        agent_folder.check_slug(slug)
    with _collected(problems):
        about = agent_folder.about(folder)
    with _collected(problems):
        source = agent_folder.source(folder)
    if problems:
        raise click.ClickException("\n  ".join(problems))
    client = _Client(api.rstrip("/"))
    client.token = _token(client, token_file)
    _add(client, slug, about)
    new: dict[str, JsonValue] = {
        "number": about.version,
        "config_schema": source.schema,
        "bundle": base64.b64encode(source.bundle).decode(),
        "changelog": about.changelog,
        "retries": about.retries,
        "interface": about.interface,
        "channels": list(channels) or None,
    }
    answer = client.call("POST", f"/v1/admin/agents/{slug}/versions", new)
    published = _Published.model_validate_json(answer or b"")
    moved = " and ".join(published.channels) or "no channel"
    size = len(source.bundle)
    click.echo(f"{slug} {published.number} is published: {published.id}, {size} bytes; {moved} moved to it")


@contextmanager
def _collected(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except FolderInvalid as invalid:
        problems += invalid.problems


def _add(client: "_Client", slug: str, about: About) -> None:
    """Add an agent that the catalog hasn't got; say where the catalog has it that agent.json says something else."""
    answer = client.call("GET", f"/v1/admin/agents/{slug}", absent_is_fine=True)
    told = about.model_dump(exclude={"version", "changelog", "retries", "interface"})
    if answer is None:
        client.call("POST", "/v1/admin/agents", {"slug": slug, **told})
        click.echo(f"{slug} is in the catalog now")
        return
    listed = _Listed.model_validate_json(answer).model_dump()
    other = [name for name, value in told.items() if value != listed[name]]
    if other:
        click.echo(
            f"The catalog keeps its own {', '.join(other)} of {slug}, which agent.json has otherwise: "
            f"PATCH /v1/admin/agents/{slug} changes what it says.",
            err=True,
        )


def _token(client: "_Client", file: Path | None) -> str:
    if file is not None:
        with click.open_file(str(file), encoding="utf-8") as opened:
            return str(opened.read()).strip()
    email = click.prompt("e-mail address", err=True)
    password = click.prompt("password", hide_input=True, err=True)
    answer = client.call("POST", "/v1/auth/login", {"email": email, "password": password})
    return _Session.model_validate_json(answer or b"").access_token


@dataclass
class _Client:
    api: str
    token: str = ""

    def call(
        self, method: str, path: str, body: dict[str, JsonValue] | None = None, *, absent_is_fine: bool = False
    ) -> bytes | None:
        """Return the answer, None if there is no such thing and that is fine; end with what a problem says."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        sent = None if body is None else json.dumps(body).encode()
        try:
            answer = http_client.request(method, self.api + path, seconds=SECONDS, body=sent, headers=headers)
        except (OSError, ValueError) as error:
            raise click.ClickException(
                f"The API can't be reached at {self.api}: {said(error)}. Name another by --api http://…, or start it."
            ) from None
        if answer.status < HTTPStatus.BAD_REQUEST:
            return answer.body
        problem = self._problem(answer.status, answer.body)
        if absent_is_fine and problem.code == AgentNotFound.code:
            return None
        wrong = [f"{each.pointer}: {each.message}" for each in problem.errors]
        remedies = [_REMEDIES[problem.code]] if problem.code in _REMEDIES else []
        raise click.ClickException("\n  ".join([problem.detail, *wrong, *remedies]))

    def _problem(self, status: int, body: bytes) -> _Problem:
        try:
            return _Problem.model_validate_json(body)
        except ValidationError:
            raise click.ClickException(
                f"{self.api} answered {status} as the API never does: does --api name something else?"
            ) from None
