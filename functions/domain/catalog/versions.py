"""Versions of agents, as they are read: immutable once published; channels point at them."""

from enum import StrEnum
from typing import Final

from sqlalchemy import select

from functions.domain.api_errors import NotFound
from functions.domain.catalog.agents import AgentNotFound
from functions.domain.databases import SharedDb
from shared_psql_models.agents import AgentVersion, agent_versions, agents, channels

_COUNT: Final = r"(0|[1-9][0-9]{0,14})"
"""Up to fifteen digits, which every program can count with."""

_PRE: Final = rf"({_COUNT}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
NUMBER: Final = rf"^{_COUNT}\.{_COUNT}\.{_COUNT}(-{_PRE}(\.{_PRE})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$"
"""Semantic Versioning 2.0."""


class Channel(StrEnum):
    """A name that moves from version to version."""

    STABLE = "stable"
    BETA = "beta"


class VersionNotFound(NotFound):
    """The agent has no such version, or its channel points at none yet."""


def resolve(db: SharedDb, slug: str, *, channel: Channel | None = None, number: str | None = None) -> AgentVersion:
    """Return the version of a listed agent with this number, or that a channel points at (default: stable).

    Raises AgentNotFound and VersionNotFound.
    """
    query = select(agent_versions).join(agents, agent_versions.c.agent_id == agents.c.id).where(agents.c.slug == slug)
    if number is not None:
        query = query.where(agent_versions.c.number == number)
    else:
        query = query.join(channels, channels.c.version_id == agent_versions.c.id)
        query = query.where(channels.c.name == (channel or Channel.STABLE).value)
    if db.scalar(select(agents.c.id).where(agents.c.slug == slug, agents.c.listed)) is None:
        raise AgentNotFound
    row = db.execute(query).mappings().first()
    if row is None:
        raise VersionNotFound
    return AgentVersion.of(row)


def of_agent(db: SharedDb, agent_id: str, *, after: str | None, limit: int) -> list[AgentVersion]:
    """Return versions of an agent, newest first; `after` is the id that the page before ended with."""
    query = select(agent_versions).where(agent_versions.c.agent_id == agent_id)
    if after is not None:
        query = query.where(agent_versions.c.id < after)
    found = db.execute(query.order_by(agent_versions.c.id.desc()).limit(limit))
    return [AgentVersion.of(row) for row in found.mappings()]
