"""What is told of an instance to the agent host, read from its rows."""

from sqlalchemy import RowMapping, and_, select

from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets
from functions.domain.instances.contexts import Context
from shared_psql_models.agents import agent_versions, version_deployments
from shared_psql_models.instances import instance_specs, instances

_INSTANCE = (instances.c.id.label("instance_id"), instances.c.owner_id, instances.c.row_version)
_SOURCE = (agent_versions.c.bundle_sha256.label("digest"), version_deployments.c.url)


def wanted(db: SharedDb, instance_id: str, *, with_secrets: bool = True) -> Context:
    """Return the context of an instance that exists, as what it shall consist of.

    Without its secrets its config has references in their places. Raises SecretsUnavailable.
    """
    of = instances.c
    query = (
        select(*_INSTANCE, of.generation, of.version_id, of.config, of.secret_places, of.limits, *_SOURCE)
        .join_from(instances, agent_versions, of.version_id == agent_versions.c.id)
        .outerjoin(version_deployments, of.version_id == version_deployments.c.version_id)
        .where(of.id == instance_id)
    )
    return _context(db, db.execute(query).mappings().one(), with_secrets=with_secrets)


def serving(db: SharedDb, instance_id: str) -> Context | None:
    """Return the context of an instance as what has answered last; None where nothing has.

    Raises SecretsUnavailable.
    """
    of = instance_specs.c
    query = (
        select(*_INSTANCE, of.generation, of.version_id, of.config, of.secret_places, of.limits, *_SOURCE)
        .join_from(
            instances,
            instance_specs,
            and_(of.instance_id == instances.c.id, of.generation == instances.c.observed_generation),
        )
        .join(agent_versions, of.version_id == agent_versions.c.id)
        .outerjoin(version_deployments, of.version_id == version_deployments.c.version_id)
        .where(instances.c.id == instance_id)
    )
    row = db.execute(query).mappings().first()
    return None if row is None else _context(db, row, with_secrets=True)


def _context(db: SharedDb, row: RowMapping, *, with_secrets: bool) -> Context:
    config = row["config"]
    if with_secrets:
        config = config_secrets.unsealed(db, row["instance_id"], config, row["secret_places"])
    return Context.model_validate({**row, "config": config})
