"""Wishes: what people ask of instances. Each is a row, its history and its event in one transaction.

Only `desired_state` is written here; making it so is the worker's.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update

from events.catalog.instances import InstanceDesiredStateChanged
from events.ids import new_id
from functions.domain.catalog import versions
from functions.domain.catalog.agents import AgentNotFound
from functions.domain.catalog.versions import Channel, VersionNotFound
from functions.domain.databases import SharedDb
from functions.domain.instances import configs, history
from functions.domain.instances.deadlines import DEADLINES
from functions.domain.instances.masks import places_of_secrets
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.instances.reasons import Reason, Why, why
from functions.domain.refusals import Conflict, FieldError, Invalid
from shared_psql_models.instances import instances
from shared_psql_models.statuses import DesiredState, Status


class AgentUnknown(Invalid):
    """The catalog has no such agent, or not in this version or channel: `errors` says which."""


class InstanceDeleted(Conflict):
    """The instance is deleted, or about to be: create another."""


class VersionAmbiguous(Invalid):
    """Give a channel or a version, not both."""


@dataclass(frozen=True)
class Launch:
    """What an instance consists of: a version of an agent, and a config that fits it."""

    agent_id: str
    version_id: str
    config: dict[str, Any] = field(repr=False)
    secret_places: list[str]
    """JSON Pointers to the values in the config that nobody is shown."""


def choose(db: SharedDb, agent: str, *, channel: Channel | None = None, number: str | None = None) -> RowMapping:
    """Return the version with this number, or that the channel (default: stable) points at now.

    Raises AgentUnknown and VersionAmbiguous.
    """
    if channel is not None and number is not None:
        raise VersionAmbiguous(errors=[FieldError("/version", "version_ambiguous", VersionAmbiguous.message())])
    try:
        return versions.resolve(db, agent, channel=channel, number=number)
    except AgentNotFound:
        error = FieldError("/agent", "unknown", "There is no such agent in the catalog.")
    except VersionNotFound as missing:
        error = FieldError("/version" if number is not None else "/channel", "unknown", missing.message())
    raise AgentUnknown(errors=[error])


def fit(version: RowMapping, config: dict[str, Any]) -> Launch:
    """Complete a config for a version. No transaction need be open: it may take a moment. Raises ConfigInvalid."""
    schema = version["config_schema"]
    whole = configs.completed(config, schema)
    return Launch(version["agent_id"], version["id"], whole, list(places_of_secrets(whole, schema)))


def create(db: SharedDb, owner_id: str, *, name: str, launch: Launch) -> str:
    """Create an instance that shall run, and return its id. It keeps its version."""
    instance_id = new_id("ins")
    because = why(Reason.CREATED)
    row = {
        **vars(launch),
        "id": instance_id,
        "owner_id": owner_id,
        "name": name,
        "desired_state": DesiredState.RUNNING,
        "reason": because.reason,
        "sentence": because.sentence,
        "next": because.next,
        "deadline_at": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, DEADLINES[Status.PENDING]),
    }
    db.execute(insert(instances).values(row))
    _say(db, instance_id, owner_id, previous=None, desired=DesiredState.RUNNING, because=because)
    return instance_id


def start(db: SharedDb, instance_id: str, owner_id: str) -> None:
    """Ask for an instance to run; one that had failed gets a new try. Raises InstanceNotFound, InstanceDeleted."""
    _ask(db, instance_id, DesiredState.RUNNING, Reason.START_REQUESTED, owner_id)


def stop(db: SharedDb, instance_id: str, owner_id: str) -> None:
    """Ask for an instance to stop. Raises InstanceNotFound, InstanceDeleted."""
    _ask(db, instance_id, DesiredState.STOPPED, Reason.STOP_REQUESTED, owner_id)


def stop_by_administrator(db: SharedDb, instance_id: str) -> None:
    """Ask for anybody's instance to stop. Raises InstanceNotFound, InstanceDeleted."""
    _ask(db, instance_id, DesiredState.STOPPED, Reason.STOPPED_BY_ADMINISTRATOR)


def delete(db: SharedDb, instance_id: str, owner_id: str) -> None:
    """Ask for an instance to be deleted, whatever it is doing. Raises InstanceNotFound."""
    _ask(db, instance_id, DesiredState.DELETED, Reason.DELETE_REQUESTED, owner_id)


def _ask(db: SharedDb, instance_id: str, desired: DesiredState, reason: Reason, owner_id: str | None = None) -> None:
    query = select(instances).where(instances.c.id == instance_id).with_for_update()
    if owner_id is not None:
        query = query.where(instances.c.owner_id == owner_id)
    row = db.execute(query).mappings().first()
    if row is None:
        raise InstanceNotFound
    previous = DesiredState(row["desired_state"])
    if previous == DesiredState.DELETED and desired != DesiredState.DELETED:
        raise InstanceDeleted
    new_try = desired == DesiredState.RUNNING and row["status"] == Status.FAILED
    if previous == desired and not new_try:
        return
    changes = {"desired_state": desired, "due_at": func.now(), "updated_at": func.now(), "attempts": 0}
    db.execute(
        update(instances)
        .where(instances.c.id == instance_id)
        .values(changes | {"row_version": instances.c.row_version + 1})
    )
    _say(db, instance_id, row["owner_id"], previous=previous, desired=desired, because=why(reason))


def _say(  # noqa: PLR0913 - each is a fact about the change, given by name
    db: SharedDb,
    instance_id: str,
    owner_id: str,
    *,
    previous: DesiredState | None,
    desired: DesiredState,
    because: Why,
) -> None:
    event = InstanceDesiredStateChanged(
        instance_id=instance_id, owner_id=owner_id, desired_state=desired, reason=because.reason
    )
    history.note(db, event, kind="desired_state", previous=previous, value=desired, why=because)
