"""Wishes: what people ask of instances. Each is a row, its history and its event in one transaction.

Only `desired_state` is written here; making it so is the worker's.
"""

from typing import Any

from sqlalchemy import func, insert, select, update

from events.catalog.instances import InstanceDesiredStateChanged
from events.ids import new_id
from events.outbox import emit
from functions.domain.catalog import versions
from functions.domain.catalog.agents import AgentNotFound
from functions.domain.catalog.versions import Channel, VersionNotFound
from functions.domain.databases import SharedDb
from functions.domain.instances import configs, history
from functions.domain.instances.deadlines import DEADLINES
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.instances.reasons import Reason, Why, why
from functions.domain.refusals import Conflict, FieldError, Invalid
from shared_psql_models.instances import instances
from shared_psql_models.statuses import DesiredState, Status


class AgentUnknown(Invalid):
    """The catalog has no such agent, or not in this version or channel: `errors` says which."""


class InstanceDeleted(Conflict):
    """The instance is deleted, or about to be: create another."""


def create(  # noqa: PLR0913 - each is a fact about the instance, given by name
    db: SharedDb,
    owner_id: str,
    *,
    agent: str,
    name: str,
    config: dict[str, Any],
    channel: Channel | None = None,
    version: str | None = None,
) -> str:
    """Create an instance that shall run, and return its id. Raises AgentUnknown and ConfigInvalid.

    It keeps the version that `version` numbers, or that `channel` (default: stable) points at now.
    """
    chosen = _choose(db, agent, channel, version)
    configs.check(config, chosen["config_schema"])
    instance_id = new_id("ins")
    because = why(Reason.CREATED)
    row = {
        "id": instance_id,
        "owner_id": owner_id,
        "agent_id": chosen["agent_id"],
        "version_id": chosen["id"],
        "name": name,
        "config": config,
        "desired_state": DesiredState.RUNNING,
        "reason": because.reason,
        "sentence": because.sentence,
        "next": because.next,
        "deadline_at": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, DEADLINES[Status.PENDING]),
    }
    db.execute(insert(instances).values(row))
    _say(db, instance_id, owner_id, previous=None, desired=DesiredState.RUNNING, because=because)
    return instance_id


def _choose(db: SharedDb, agent: str, channel: Channel | None, version: str | None) -> Any:  # noqa: ANN401 - a row
    try:
        return versions.resolve(db, agent, channel=channel, number=version)
    except AgentNotFound:
        error = FieldError("/agent", "unknown", "There is no such agent in the catalog.")
    except VersionNotFound as missing:
        error = FieldError("/version" if version is not None else "/channel", "unknown", missing.message())
    raise AgentUnknown(errors=[error])


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
    history.note(db, instance_id, kind="desired_state", previous=previous, value=desired, why=because)
    emit(
        db,
        InstanceDesiredStateChanged(
            instance_id=instance_id, owner_id=owner_id, desired_state=desired, reason=because.reason
        ),
    )
