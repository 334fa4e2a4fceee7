"""What is told of an instance to the agent host, read from its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import FromClause, RowMapping, Select, and_, select
from sqlalchemy.sql.elements import ColumnElement

from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets, kill_switches
from functions.domain.instances.contexts import Context
from shared_psql_models.agents import agent_versions, version_deployments
from shared_psql_models.instances import instance_specs, instances
from shared_psql_models.statuses import DesiredState, Status, takes_messages

_INSTANCE = (instances.c.id.label("instance_id"), instances.c.owner_id, instances.c.row_version)
_SOURCE = (agent_versions.c.bundle_sha256.label("digest"), version_deployments.c.url)
_FACTS: Final = (
    *("instance_id", "owner_id", "row_version", "generation", "version_id"),
    *("secret_places", "limits", "digest", "url"),
)
"""Names of columns that are fields of a context too."""


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


@dataclass(frozen=True)
class Addressee:
    """An instance as a message finds it."""

    name: str
    desired_state: DesiredState
    status: Status
    kill_switch: str | None
    """Why whoever runs this service has it refused."""
    serves: RowMapping | None
    """What has answered last; None where nothing has."""

    @property
    def takes_messages(self) -> bool:
        """Whether it takes messages."""
        return takes_messages(self.desired_state, self.status)

    @classmethod
    def of(cls, row: RowMapping) -> Self | None:
        """Return that of a row of `addressed`; None where there was none yet."""
        if row[_BESIDE + "instance_id"] is None:
            return None
        told = {name: row[_BESIDE + name] for name in _ADDRESSED}
        of = DesiredState(told["desired_state"]), Status(told["status"]), told["kill_switch"]
        return cls(told["name"], *of, serves=None if told["generation"] is None else row)


_OF: Final = instance_specs.c

_ADDRESSED: Final[Mapping[str, ColumnElement[object]]] = {
    **{each.name: each for each in (*_INSTANCE, instances.c.name, instances.c.desired_state, instances.c.status)},
    "kill_switch": kill_switches.SWITCH,
    **{each.name: each for each in (_OF.generation, _OF.version_id, _OF.config, _OF.secret_places, _OF.limits)},
    **{each.name: each for each in _SOURCE},
}

_BESIDE: Final = "addressed_"
"""What their names begin with beside those of the rows that they belong to."""


def addressed(about: FromClause, instance_id: ColumnElement[str]) -> Select[*tuple[object, ...]]:
    """Return the statement that reads rows about instances, and with each what `Addressee.of` takes."""
    columns = [column.label(_BESIDE + name) for name, column in _ADDRESSED.items()]
    return (
        select(*about.c, *columns)
        .outerjoin_from(about, instances, instances.c.id == instance_id)
        .outerjoin(
            instance_specs,
            and_(_OF.instance_id == instances.c.id, _OF.generation == instances.c.observed_generation),
        )
        .outerjoin(agent_versions, _OF.version_id == agent_versions.c.id)
        .outerjoin(version_deployments, _OF.version_id == version_deployments.c.version_id)
    )


def serving(db: SharedDb, row: RowMapping) -> Context:
    """Return the context of an instance as what has answered last. Raises SecretsUnavailable."""
    return _context(db, row, _BESIDE, with_secrets=True)


def _context(db: SharedDb, row: RowMapping, beside: str = "", *, with_secrets: bool) -> Context:
    facts = {name: row[beside + name] for name in (*_FACTS, "config")}
    if with_secrets:
        unsealed = config_secrets.unsealed(db, facts["instance_id"], facts["config"], facts["secret_places"])
        facts["config"] = unsealed
    return Context.model_validate(facts)
