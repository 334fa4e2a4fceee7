"""Launching: an instance of a version, with a config that fits it."""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import func, insert

from events.catalog.instances import InstanceDesiredStateChanged
from functions.domain import verified_accounts
from functions.domain.api_errors import FieldError, Invalid
from functions.domain.catalog import versions
from functions.domain.catalog.agents import AgentNotFound
from functions.domain.catalog.versions import Channel, VersionNotFound, VersionYanked
from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets, configs, history, kill_switches, quotas, specs
from functions.domain.instances.deadlines import DEADLINES
from functions.domain.instances.history import Entry
from functions.domain.instances.reasons import Reason, explain
from functions.domain.json_schemas import Json
from shared_psql_models.agents import AgentVersion
from shared_psql_models.instances import instances
from shared_psql_models.statuses import DesiredState, Status, VersionStatus

FIRST_GENERATION: Final = 1


class AgentUnknown(Invalid):
    """The catalog has no such agent, or not in this version or channel: `errors` says which."""


class VersionAmbiguous(Invalid):
    """Give a channel or a version, not both."""


@dataclass(frozen=True)
class Launch:
    """What an instance consists of: a version of an agent, and a config that fits it."""

    id: str
    """That the instance will have: of it depends which version a channel leads to."""
    agent_id: str
    version_id: str
    version: str
    """The number."""
    config: dict[str, Json] = field(repr=False)
    secret_places: list[str]
    """JSON Pointers to the values in the config that nobody is shown."""


@dataclass(frozen=True)
class Traits:
    """What an instance is called, and what it may use."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    """Those of its own, below the installation's."""


def choose(
    db: SharedDb, agent: str, *, instance_id: str, channel: Channel | None = None, number: str | None = None
) -> AgentVersion:
    """Return the version with this number, or that the channel (default: stable) has for the instance now.

    Raises AgentUnknown, VersionAmbiguous and VersionYanked.
    """
    if channel is not None and number is not None:
        raise VersionAmbiguous(errors=[FieldError("/version", "version_ambiguous", VersionAmbiguous.message())])
    try:
        version = versions.resolve(db, agent, instance_id=instance_id, channel=channel, number=number)
        if version.status == VersionStatus.YANKED:
            raise VersionYanked(f"{VersionYanked.message()} The reason: {version.status_reason}")
    except AgentNotFound:
        error = FieldError("/agent", "unknown", "There is no such agent in the catalog.")
    except VersionNotFound as missing:
        error = FieldError("/version" if number is not None else "/channel", "unknown", missing.message())
    else:
        return version
    raise AgentUnknown(errors=[error])


def fit(instance_id: str, version: AgentVersion, config: dict[str, Json]) -> Launch:
    """Complete a config for a version. No transaction need be open: it may take a moment. Raises ConfigInvalid."""
    schema = version.config_schema
    whole = configs.completed(config, schema)
    return Launch(
        instance_id, version.agent_id, version.id, version.number, whole, configs.secret_places(whole, schema)
    )


def check(db: SharedDb, owner_id: str, launch: Launch) -> None:
    """Refuse an instance that its owner may not launch, nobody may start, or that is one too many.

    Raises EmailUnverified, StoppedByOperator and QuotaExceeded.
    """
    verified_accounts.check(db, owner_id)
    kill_switches.check(db, owner_id, launch.version_id)
    quotas.check_instances(db, owner_id)


def create(db: SharedDb, owner_id: str, launch: Launch, traits: Traits) -> str:
    """Create an instance that shall run, and return its id. It keeps its version until that is changed.

    Raises EmailUnverified, StoppedByOperator and QuotaExceeded.
    """
    check(db, owner_id, launch)
    because = explain(Reason.CREATED)
    stored = config_secrets.sealed(launch.id, FIRST_GENERATION, launch.config, launch.secret_places)
    row = {
        "id": launch.id,
        "agent_id": launch.agent_id,
        "version_id": launch.version_id,
        "config": stored.config,
        "secret_places": launch.secret_places,
        "owner_id": owner_id,
        **vars(traits),
        "desired_state": DesiredState.RUNNING,
        "reason": because.reason,
        "message": because.message,
        "next": because.next,
        "deadline_at": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, DEADLINES[Status.PENDING]),
    }
    db.execute(insert(instances).values(row))
    config_secrets.add(db, launch.id, stored)
    specs.keep(db, launch.id)
    event = InstanceDesiredStateChanged(
        instance_id=launch.id, owner_id=owner_id, desired_state=DesiredState.RUNNING, reason=because.reason
    )
    history.note(db, [Entry(event, None, DesiredState.RUNNING)], kind="desired_state", explanation=because)
    return launch.id
