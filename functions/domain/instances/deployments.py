"""Deployments: everything that a driver needs to run an instance."""

from dataclasses import dataclass, field

from pydantic import JsonValue
from sqlalchemy import select

from functions.domain.databases import SharedDb
from shared_psql_models.agents import agent_versions, bundles
from shared_psql_models.instances import instances


@dataclass(frozen=True)
class Deployment:
    """One version of an agent with one config."""

    instance_id: str
    token: int
    """The fencing token of the worker's lease: a driver refuses what comes with an earlier token than it has seen."""
    version_id: str
    image: str | None
    bundle: bytes | None = field(repr=False)
    config: dict[str, JsonValue] = field(repr=False)
    """With its secrets."""


def read(db: SharedDb, instance_id: str, token: int) -> Deployment:
    """Return what to deploy for an instance that exists."""
    row = db.execute(
        select(instances.c.version_id, instances.c.config, agent_versions.c.image, bundles.c.content)
        .join_from(instances, agent_versions, instances.c.version_id == agent_versions.c.id)
        .outerjoin(bundles, agent_versions.c.bundle_sha256 == bundles.c.sha256)
        .where(instances.c.id == instance_id)
    ).one()
    content = None if row.content is None else bytes(row.content)
    return Deployment(instance_id, token, row.version_id, row.image, content, row.config)
