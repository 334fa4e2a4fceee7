"""What is told of an instance to the agent host, read from its rows."""

from sqlalchemy import and_, select

from functions.domain.databases import SharedDb
from functions.domain.instances.contexts import Context
from shared_psql_models.agents import agent_versions, version_deployments
from shared_psql_models.instances import instance_specs, instances

_INSTANCE = (instances.c.id.label("instance_id"), instances.c.owner_id, instances.c.row_version)
_SOURCE = (agent_versions.c.bundle_sha256.label("digest"), version_deployments.c.url)


def wanted(db: SharedDb, instance_id: str) -> Context:
    """Return the context of an instance that exists, as what it shall consist of."""
    of = instances.c
    query = (
        select(*_INSTANCE, of.generation, of.version_id, of.config, of.secret_places, of.limits, *_SOURCE)
        .join_from(instances, agent_versions, of.version_id == agent_versions.c.id)
        .outerjoin(version_deployments, of.version_id == version_deployments.c.version_id)
        .where(of.id == instance_id)
    )
    return Context.model_validate(dict(db.execute(query).mappings().one()))


def serving(db: SharedDb, instance_id: str) -> Context | None:
    """Return the context of an instance as what has answered last; None where nothing has."""
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
    return None if row is None else Context.model_validate(dict(row))
