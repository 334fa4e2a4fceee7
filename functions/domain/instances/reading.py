"""Reading instances: each with its agent's slug and its version's number."""

from typing import Any

from sqlalchemy import Select, select

from functions.domain.api_errors import NotFound
from functions.domain.databases import SharedDb
from shared_psql_models.agents import agent_versions, agents
from shared_psql_models.instances import Instance, instances
from shared_psql_models.statuses import Status, VersionStatus


class InstanceNotFound(NotFound):
    """There is no such instance, or it isn't yours."""


class DescribedInstance(Instance):
    """An instance, with what the catalog calls its agent and version."""

    agent: str
    """The slug."""
    version: str
    """The number."""
    version_status: VersionStatus
    version_status_reason: str


def find(db: SharedDb, instance_id: str, *, owner_id: str | None = None) -> DescribedInstance:
    """Return an instance; with `owner_id` only if it is theirs. Raises InstanceNotFound."""
    query = _described().where(instances.c.id == instance_id)
    if owner_id is not None:
        query = query.where(instances.c.owner_id == owner_id)
    row = db.execute(query).mappings().first()
    if row is None:
        raise InstanceNotFound
    return DescribedInstance.of(row)


def search(
    db: SharedDb, *, after: str | None, limit: int, owner_id: str | None = None, status: Status | None = None
) -> list[DescribedInstance]:
    """Return instances, newest first, of one owner or of all; deleted ones only when asked for by `status`."""
    query = _described().order_by(instances.c.id.desc()).limit(limit)
    if owner_id is not None:
        query = query.where(instances.c.owner_id == owner_id)
    if status is None:
        query = query.where(instances.c.status != Status.DELETED)
    else:
        query = query.where(instances.c.status == status)
    if after is not None:
        query = query.where(instances.c.id < after)
    return [DescribedInstance.of(row) for row in db.execute(query).mappings()]


def _described() -> Select[Any]:
    return (
        select(
            instances,
            agents.c.slug.label("agent"),
            agent_versions.c.number.label("version"),
            agent_versions.c.status.label("version_status"),
            agent_versions.c.status_reason.label("version_status_reason"),
        )
        .join_from(instances, agents, instances.c.agent_id == agents.c.id)
        .join(agent_versions, instances.c.version_id == agent_versions.c.id)
    )
