"""Reading instances: each with its agent's slug and its version's number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Select, literal_column, select

from functions.domain.api_errors import NotFound
from functions.domain.databases import SharedDb
from shared_psql_models.agents import agent_versions, agents
from shared_psql_models.instances import Instance, instances
from shared_psql_models.statuses import Status, VersionStatus

if TYPE_CHECKING:
    from functions.domain.instances.troubles import InstanceTrouble

PRESENT: Final = instances.c.status != literal_column("'deleted'")
"""What isn't deleted: the condition of an index, which is used where it stands as it is."""


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


@dataclass(frozen=True)
class Filter:
    """Which instances; None stands for any, and without a status deleted ones are left out."""

    owner_id: str | None = None
    statuses: Sequence[Status] | None = None
    agent: str | None = None
    """The slug."""
    name: str | None = None
    """The whole of it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """All of which it has to have."""
    version_id: str | None = None
    trouble: "InstanceTrouble | None" = None


def search(db: SharedDb, wanted: Filter, *, after: str | None, limit: int) -> list[DescribedInstance]:
    """Return instances, newest first."""
    query = _described().order_by(instances.c.id.desc()).limit(limit)
    query = query.where(PRESENT if wanted.statuses is None else instances.c.status.in_(wanted.statuses))
    asked = {
        instances.c.owner_id: wanted.owner_id,
        instances.c.version_id: wanted.version_id,
        instances.c.name: wanted.name,
    }
    for column, value in asked.items():
        if value is not None:
            query = query.where(column == value)
    if wanted.agent is not None:
        # Asked before: whether few are of this agent or most of them, Postgres knows only of an id that it is given.
        agent_id = db.scalar(select(agents.c.id).where(agents.c.slug == wanted.agent))
        query = query.where(instances.c.agent_id == agent_id)
    if wanted.trouble is not None:
        # What administrators alone ask for, nobody else loads.
        from functions.domain.instances import troubles

        query = query.where(troubles.condition(db, wanted.trouble))
    if wanted.labels:
        query = query.where(instances.c.labels.contains(dict(wanted.labels)))
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
