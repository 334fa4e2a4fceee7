"""`botberi agents publish`: it speaks to the API, as a browser does, and needs nothing else."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from pydantic import BaseModel, JsonValue

from cli import agent_folder, logging_in
from cli.agent_folder import About, FolderInvalid
from cli.api_client import API, ApiClient, RefusedError
from functions.domain.catalog.agents import AgentNotFound


class _Published(BaseModel):
    id: str
    number: str
    channels: list[str]


class _Listed(BaseModel):
    name: str
    summary: str
    description: str
    tags: list[str]
    capabilities: list[str]


@click.command("publish")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--api", default=API, show_default=True, help="Where the API is.")
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
    help="A file with a curator's access token, - for what is piped in; without it, you are asked to log in.",
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
    client = ApiClient(api.rstrip("/"))
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
    published = _Published.model_validate_json(answer)
    moved = " and ".join(published.channels) or "no channel"
    size = len(source.bundle)
    click.echo(f"{slug} {published.number} is published: {published.id}, {size} bytes; {moved} moved to it")


@contextmanager
def _collected(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except FolderInvalid as invalid:
        problems += invalid.problems


def _add(client: ApiClient, slug: str, about: About) -> None:
    """Add an agent that the catalog hasn't got; say where the catalog has it that agent.json says something else."""
    told = about.model_dump(exclude={"version", "changelog", "retries", "interface"})
    try:
        answer = client.call("GET", f"/v1/admin/agents/{slug}")
    except RefusedError as refused:
        if refused.code != AgentNotFound.code:
            raise
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


def _token(client: ApiClient, file: Path | None) -> str:
    if file is not None:
        with click.open_file(str(file), encoding="utf-8") as opened:
            return str(opened.read()).strip()
    return logging_in.in_person(client)
