"""`botberi agents`: for those who write agents. It speaks to the API, as a browser does, and needs nothing else."""

import base64
import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, NoReturn

import click
from pydantic import BaseModel, JsonValue, ValidationError

from core import http_client
from functions.domain.catalog.bundles import BundleInvalid, bundle

SECONDS: Final = 60
"""How long an answer may take: the first publication of a while wakes a function."""


class About(BaseModel):
    """agent.json: what the catalog says of an agent, and of the version that is published."""

    name: str
    summary: str
    description: str = ""
    version: str
    changelog: str = ""


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
    detail: str
    errors: list[_Wrong] = []


@click.group()
def agents() -> None:
    """Agents that you write."""


@agents.command("publish")
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
    about, schema = _about(folder / "agent.json"), folder / "config_schema.json"
    slug = slug or folder.resolve().name
    try:
        packed = bundle(folder)
    except BundleInvalid as error:
        raise click.ClickException(error.errors[0].message) from None
    version: dict[str, JsonValue] = {
        "number": about.version,
        "config_schema": _json(schema) if schema.exists() else {"type": "object"},
        "bundle": base64.b64encode(packed).decode(),
        "changelog": about.changelog,
        "channels": list(channels) or None,
    }
    client = _Client(api.rstrip("/"))
    client.token = _token(client, token_file)
    if client.call("GET", f"/v1/admin/agents/{slug}", absent_is_fine=True) is None:
        told = about.model_dump(include={"name", "summary", "description"})
        client.call("POST", "/v1/admin/agents", {"slug": slug, **told})
        click.echo(f"{slug} is in the catalog now")
    answer = client.call("POST", f"/v1/admin/agents/{slug}/versions", version)
    published = _Published.model_validate_json(answer or b"")
    moved = " and ".join(published.channels) or "no channel"
    click.echo(f"{slug} {published.number} is published: {published.id}, {len(packed)} bytes; {moved} moved to it")


def _about(file: Path) -> About:
    if not file.exists():
        raise click.ClickException(f"{file} is missing: it has the agent's name, summary and version")
    try:
        return About.model_validate(_json(file))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise click.ClickException(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _json(file: Path) -> JsonValue:
    try:
        said: JsonValue = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{file} is not JSON: {error}") from None
    return said


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
        answer = http_client.request(method, self.api + path, seconds=SECONDS, body=sent, headers=headers)
        if answer.status == HTTPStatus.NOT_FOUND and absent_is_fine:
            return None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            self._end_with(answer.status, answer.body)
        return answer.body

    def _end_with(self, status: int, body: bytes) -> NoReturn:
        """End with what a problem says, and with each thing that is wrong."""
        try:
            problem = _Problem.model_validate_json(body)
        except ValidationError:
            raise click.ClickException(f"{self.api} answered {status} as the API never does") from None
        wrong = [f"{each.pointer}: {each.message}" for each in problem.errors]
        raise click.ClickException("\n  ".join([problem.detail, *wrong]))
