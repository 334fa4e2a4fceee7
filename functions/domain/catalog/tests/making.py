"""Agents for tests."""

import base64
import io
import uuid
import zipfile
from collections.abc import Sequence
from typing import Any

from functions.domain.catalog import agents, releases
from functions.domain.catalog.versions import Channel
from functions.domain.databases import SharedDb
from testing.environment import Environment

MAIN = "def agent(request):\n    return {}\n"


def a_slug() -> str:
    return f"a{uuid.uuid4().hex[:12]}"


def a_bundle(main: str = MAIN, *, requirements: str | None = None) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("main.py", main)
        if requirements is not None:
            archive.writestr("requirements.txt", requirements)
    return content.getvalue()


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def an_agent(env: Environment, *numbers: str, **says: Any) -> str:
    """Put an agent with some versions into the catalog, past the API and its cache; return its slug."""
    slug = a_slug()
    with env.transaction("shared_psql", "admin") as db:
        agents.create(SharedDb(db), **({"slug": slug, "name": "Some", "summary": "Does something."} | says))
    for number in numbers:
        publish(env, says.get("slug", slug), number)
    return str(says.get("slug", slug))


def publish(
    env: Environment,
    slug: str,
    number: str,
    *,
    move: Sequence[Channel] | None = None,
    **facts: Any,
) -> str:
    release = releases.checked(number, **({"config_schema": {"type": "object"}, "bundle": a_bundle()} | facts))
    with env.transaction("shared_psql", "admin") as db:
        return releases.publish(SharedDb(db), slug, release, move=move)[0]


def change(env: Environment, slug: str, **fields: Any) -> None:
    with env.transaction("shared_psql", "admin") as db:
        row_version = str(agents.find(SharedDb(db), slug, unlisted=True).row_version)
        agents.change(SharedDb(db), slug, row_version, fields)
