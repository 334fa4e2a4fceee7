"""Versions of agents, as they are read: immutable once published; channels point at them."""

import hashlib
from enum import StrEnum
from typing import Final

from sqlalchemy import Select, select

from functions.domain.api_errors import Gone, NotFound
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


class VersionYanked(Gone):
    """This version was withdrawn and can't be launched any more: choose another."""


def precedence(number: str) -> tuple[object, ...]:
    """Return what versions are ordered by (Semantic Versioning 2.0): builds don't count, pre-releases come before."""
    core, _, pre = number.partition("+")[0].partition("-")
    words = [(part.isdecimal(), part) for part in pre.split(".")] if pre else []
    # Numbers come before words, and a release, which has no pre-release, after all of its pre-releases.
    ranked = tuple((0, int(word), "") if counts else (1, 0, word) for counts, word in words)
    return (*map(int, core.split(".")), not pre, ranked)


def is_preview(number: str) -> bool:
    """Return whether a number is that of a pre-release, such as `2.0.0-rc.1`."""
    return "-" in number.partition("+")[0]


def in_share(instance_id: str, percent: int) -> bool:
    """Return whether an instance is among the `percent` of all that a channel leads to its candidate.

    The same instance always is or isn't, and stays when the share grows.
    """
    return int.from_bytes(hashlib.sha256(instance_id.encode()).digest()[:8]) % 100 < percent


def resolve(
    db: SharedDb, slug: str, *, instance_id: str, channel: Channel | None = None, number: str | None = None
) -> AgentVersion:
    """Return the version of a listed agent with this number, or that a channel (default: stable) has for an instance.

    Raises AgentNotFound and VersionNotFound. It may be yanked.
    """
    if db.scalar(select(agents.c.id).where(agents.c.slug == slug, agents.c.listed)) is None:
        raise AgentNotFound
    if number is None:
        led_to = _led_to(db, slug, channel or Channel.STABLE, instance_id)
        return _one(db, _of(slug).where(agent_versions.c.id == led_to))
    return _one(db, _of(slug).where(agent_versions.c.number == number))


def _led_to(db: SharedDb, slug: str, channel: Channel, instance_id: str) -> str | None:
    row = db.execute(
        select(channels.c.version_id, channels.c.candidate_version_id, channels.c.candidate_percent)
        .join(agents, channels.c.agent_id == agents.c.id)
        .where(agents.c.slug == slug, channels.c.name == channel.value)
    ).first()
    if row is None:
        return None
    chosen = row.candidate_version_id is not None and in_share(instance_id, row.candidate_percent)
    return str(row.candidate_version_id if chosen else row.version_id)


def find(db: SharedDb, slug: str, number: str, *, unlisted: bool = False) -> AgentVersion:
    """Return a version whatever its status. Raises AgentNotFound and VersionNotFound; of unlisted agents on request."""
    known = select(agents.c.id).where(agents.c.slug == slug)
    if db.scalar(known if unlisted else known.where(agents.c.listed)) is None:
        raise AgentNotFound
    return _one(db, _of(slug).where(agent_versions.c.number == number))


def by_id(db: SharedDb, version_id: str) -> AgentVersion:
    """Return a version, whether or not its agent is listed. Raises VersionNotFound."""
    return _one(db, select(agent_versions).where(agent_versions.c.id == version_id))


def of_agent(db: SharedDb, agent_id: str, *, after: str | None, limit: int) -> list[AgentVersion]:
    """Return versions of an agent, newest first; `after` is the id that the page before ended with."""
    query = select(agent_versions).where(agent_versions.c.agent_id == agent_id)
    if after is not None:
        query = query.where(agent_versions.c.id < after)
    found = db.execute(query.order_by(agent_versions.c.id.desc()).limit(limit))
    return [AgentVersion.of(row) for row in found.mappings()]


def _of(slug: str) -> Select[*tuple[object, ...]]:
    return select(agent_versions).join(agents, agent_versions.c.agent_id == agents.c.id).where(agents.c.slug == slug)


def _one(db: SharedDb, query: Select[*tuple[object, ...]]) -> AgentVersion:
    row = db.execute(query).mappings().first()
    if row is None:
        raise VersionNotFound
    return AgentVersion.of(row)
