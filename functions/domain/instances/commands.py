"""Commands: what people ask of instances. Each is a row, its history and its event in one transaction.

Only `desired_state` is written here; making it so is the worker's.
"""

from sqlalchemy import func, select, update

from events.catalog.instances import InstanceDesiredStateChanged
from functions.domain.api_errors import Conflict
from functions.domain.databases import SharedDb
from functions.domain.instances import history
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.instances.reasons import Reason, explain
from shared_psql_models.instances import instances
from shared_psql_models.statuses import DesiredState, Status


class InstanceDeleted(Conflict):
    """The instance is deleted, or about to be: create another."""


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
    because = explain(reason)
    event = InstanceDesiredStateChanged(
        instance_id=instance_id, owner_id=row["owner_id"], desired_state=desired, reason=because.reason
    )
    history.note(db, event, kind="desired_state", previous=previous, value=desired, explanation=because)
