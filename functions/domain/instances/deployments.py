"""Deployments: everything that a driver needs to run an instance."""

from dataclasses import dataclass, field, replace

from pydantic import JsonValue
from sqlalchemy import select

from functions.domain.catalog import bundle_store
from functions.domain.databases import SharedDb
from shared_psql_models.agents import agent_versions
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
    bundle_sha256: str | None = None


def read(db: SharedDb, instance_id: str, token: int) -> Deployment:
    """Return what to deploy for an instance that exists, without its bundle."""
    row = db.execute(
        select(instances.c.version_id, instances.c.config, agent_versions.c.image, agent_versions.c.bundle_sha256)
        .join_from(instances, agent_versions, instances.c.version_id == agent_versions.c.id)
        .where(instances.c.id == instance_id)
    ).one()
    return Deployment(instance_id, token, row.version_id, row.image, None, row.config, row.bundle_sha256)


def with_bundle(deployment: Deployment) -> Deployment:
    """Return it with its bundle, if it has one. Raises BundleLost and StoreUnavailable."""
    if deployment.bundle_sha256 is None:
        return deployment
    return replace(deployment, bundle=bundle_store.fetch(deployment.bundle_sha256))
