"""What is told of an instance to the agent host, read from its rows."""

from sqlalchemy import ColumnElement, Row, and_, select

from functions.domain.databases import SharedDb
from functions.domain.instances.contexts import Context
from shared_psql_models.agents import agent_versions
from shared_psql_models.instances import instance_specs, instances

_INSTANCE = (instances.c.id, instances.c.owner_id, instances.c.row_version)


def wanted(db: SharedDb, instance_id: str) -> Context:
    """Return the context of an instance that exists, as what it shall consist of."""
    of = instances.c
    query = (
        select(*_INSTANCE, of.generation, of.version_id, of.config, of.secret_places, of.limits, _digest())
        .join_from(instances, agent_versions, of.version_id == agent_versions.c.id)
        .where(of.id == instance_id)
    )
    return _context(db.execute(query).one())


def serving(db: SharedDb, instance_id: str) -> Context | None:
    """Return the context of an instance as what has answered last; None where nothing has."""
    of = instance_specs.c
    query = (
        select(*_INSTANCE, of.generation, of.version_id, of.config, of.secret_places, of.limits, _digest())
        .join_from(
            instances,
            instance_specs,
            and_(of.instance_id == instances.c.id, of.generation == instances.c.observed_generation),
        )
        .join(agent_versions, of.version_id == agent_versions.c.id)
        .where(instances.c.id == instance_id)
    )
    row = db.execute(query).first()
    return None if row is None else _context(row)


def _digest() -> ColumnElement[str | None]:
    return agent_versions.c.bundle_sha256


def _context(row: Row[tuple[object, ...]]) -> Context:
    return Context(
        instance_id=row.id,
        owner_id=row.owner_id,
        row_version=row.row_version,
        generation=row.generation,
        version_id=row.version_id,
        digest=row.bundle_sha256,
        config=row.config,
        secret_places=row.secret_places,
        limits=row.limits,
    )
