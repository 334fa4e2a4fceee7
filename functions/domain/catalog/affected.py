"""Whom it concerns when a version is deprecated or yanked, or a channel that leads to it is moved."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from functions.domain.catalog import versions
from functions.domain.catalog.channels import Target
from functions.domain.databases import SharedDb

LIMIT: Final = 10_000
"""How far is counted: so many instances stand for that many at least."""

_CONCERNED: Final = text(
    """
    select count(*) as instances, count(*) filter (where desired_state = 'running') as running,
      count(distinct owner_id) as owners
    from (
      select owner_id, desired_state from instances where version_id = :id and status <> 'deleted' limit :most
    ) as few
    """
)
_CHANNELS: Final = text(
    "select name from channels where agent_id = :agent and :id in (version_id, candidate_version_id) order by name"
)


@dataclass(frozen=True)
class Affected:
    """What a version is used for."""

    version_id: str
    instances: int
    """That are of it; up to LIMIT."""
    running: int
    """Of these, that are to run."""
    owners: int
    """Of these instances."""
    channels: list[str]
    """That lead to it, as their version or as their candidate."""


@dataclass(frozen=True)
class Share:
    """What a move of a channel does to a version."""

    version: str
    """The number."""
    percent_before: int
    """Of the new instances of the channel that get it."""
    percent_after: int
    affected: Affected
    """What it is used for at this moment."""


def by_move(db: SharedDb, slug: str, before: Target, after: Target) -> list[Share]:
    """Return what a move does to each version that the channel leads to before or after it, in that order.

    Raises AgentNotFound and VersionNotFound.
    """
    old, new = _shares(before), _shares(after)
    return [
        Share(number, old.get(number, 0), new.get(number, 0), by(db, slug, number))
        for number in dict.fromkeys((*old, *new))
    ]


def _shares(target: Target) -> dict[str, int]:
    """Return how many of a hundred new instances get each version."""
    candidate = target.percent or 0
    shares = {target.version: 100 - candidate, target.candidate: candidate}
    return {number: percent for number, percent in shares.items() if number is not None}


def by(db: SharedDb, slug: str, number: str) -> Affected:
    """Return whom a change of a version concerns. Raises AgentNotFound, VersionNotFound."""
    version = versions.find(db, slug, number, unlisted=True)
    row = db.execute(_CONCERNED, {"id": version.id, "most": LIMIT}).one()
    led = list(db.scalars(_CHANNELS, {"agent": version.agent_id, "id": version.id}))
    return Affected(version.id, int(row.instances), int(row.running), int(row.owners), led)
