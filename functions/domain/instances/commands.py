"""Commands: what people ask of instances. Each is a row, its history and its event in one transaction.

What is desired is written here, and what is shown of it until the worker has begun; making it so is the worker's.
"""

from sqlalchemy import func, select, update

from events.catalog.instances import InstanceChanged, InstanceDesiredStateChanged
from functions.domain import verified_accounts
from functions.domain.api_errors import Conflict
from functions.domain.databases import SharedDb
from functions.domain.instances import history, kill_switches, specs
from functions.domain.instances.deadlines import DEADLINES
from functions.domain.instances.history import Entry
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.instances.reasons import Explanation, Reason, explain
from shared_psql_models.instances import Instance, instances
from shared_psql_models.statuses import DesiredState, Status


class InstanceDeleted(Conflict):
    """The instance is deleted, or about to be: create another."""


class Quarantined(Conflict):
    """An administrator has set this instance apart, so that nobody can start it: `detail` says why."""


def start(db: SharedDb, instance_id: str, owner_id: str) -> None:
    """Ask for an instance to run; one that had failed gets a new try.

    Raises InstanceNotFound, InstanceDeleted, Quarantined, EmailUnverified and StoppedByOperator.
    """
    instance = locked(db, instance_id, owner_id)
    check_start(db, instance)
    ask(db, instance, DesiredState.RUNNING, explain(Reason.START_REQUESTED))


def restart(db: SharedDb, instance_id: str, owner_id: str) -> None:
    """Ask for an instance to be started anew, as what it is; one that is stopped is started.

    Raises InstanceNotFound, InstanceDeleted, Quarantined, EmailUnverified and StoppedByOperator.
    """
    start_anew(db, locked(db, instance_id, owner_id), explain(Reason.RESTART_REQUESTED))


def start_anew(db: SharedDb, instance: Instance, because: Explanation) -> None:
    """Ask for an instance, which is locked, to be started anew.

    Raises Quarantined, EmailUnverified and StoppedByOperator.
    """
    check_start(db, instance)
    ask(db, instance, DesiredState.RUNNING, because)
    renew(db, locked(db, instance.id), {}, because, fields=[])


def stop(db: SharedDb, instance_id: str, owner_id: str) -> None:
    """Ask for an instance to stop. Raises InstanceNotFound, InstanceDeleted."""
    ask(db, locked(db, instance_id, owner_id), DesiredState.STOPPED, explain(Reason.STOP_REQUESTED))


def delete(db: SharedDb, instance_id: str, owner_id: str) -> None:
    """Ask for an instance to be deleted, whatever it is doing. Raises InstanceNotFound."""
    instance = locked(db, instance_id, owner_id, deleted=True)
    ask(db, instance, DesiredState.DELETED, explain(Reason.DELETE_REQUESTED))


def locked(db: SharedDb, instance_id: str, owner_id: str | None = None, *, deleted: bool = False) -> Instance:
    """Return an instance, locked; with `owner_id` only if it is theirs.

    Raises InstanceNotFound, and InstanceDeleted unless it may be `deleted`.
    """
    query = select(instances).where(instances.c.id == instance_id).with_for_update()
    if owner_id is not None:
        query = query.where(instances.c.owner_id == owner_id)
    row = db.execute(query).mappings().first()
    if row is None:
        raise InstanceNotFound
    instance = Instance.of(row)
    if instance.desired_state == DesiredState.DELETED and not deleted:
        raise InstanceDeleted
    return instance


def renew(
    db: SharedDb, instance: Instance, columns: dict[str, object], because: Explanation, fields: list[str]
) -> None:
    """Have an instance, which is locked, consist of something else from its next generation on, as `columns` say.

    `fields` are what has changed, as its event calls it.
    """
    generation = instance.generation + 1
    specs.keep(db, instance.id)
    # One that is to stop, or has, is changed for its next start.
    told = _told(because, _seconds(instance.status)) if instance.desired_state == DesiredState.RUNNING else {}
    write(db, instance, columns | told | {"generation": generation, "due_at": func.now(), "attempts": 0})
    specs.keep(db, instance.id)
    event = InstanceChanged(
        instance_id=instance.id,
        owner_id=instance.owner_id,
        fields=fields,
        generation=generation,
        reason=because.reason,
        message=because.message,
    )
    entry = Entry(event, str(instance.generation), str(generation))
    history.note(db, [entry], kind="generation", explanation=because)


def write(db: SharedDb, instance: Instance, columns: dict[str, object]) -> None:
    """Change columns of an instance, which is locked."""
    counted = {"updated_at": func.now(), "row_version": instances.c.row_version + 1}
    db.execute(update(instances).where(instances.c.id == instance.id).values(columns | counted))


def check_start(db: SharedDb, instance: Instance) -> None:
    """Refuse to start an instance, which is locked. Raises Quarantined, EmailUnverified and StoppedByOperator."""
    if instance.quarantined_at is not None:
        raise Quarantined(f"An administrator has set this instance apart: {instance.quarantine_reason}")
    verified_accounts.check(db, instance.owner_id)
    kill_switches.check(db, instance.owner_id, instance.version_id)


def ask(db: SharedDb, instance: Instance, desired: DesiredState, because: Explanation) -> None:
    """Write what is desired of an instance, which is locked, and why, unless it is so already."""
    new_try = desired == DesiredState.RUNNING and instance.status == Status.FAILED
    if instance.desired_state == desired and not new_try:
        return
    told = _told(*_shown(instance, desired, because))
    write(db, instance, told | {"desired_state": desired, "due_at": func.now(), "attempts": 0})
    event = InstanceDesiredStateChanged(
        instance_id=instance.id,
        owner_id=instance.owner_id,
        desired_state=desired,
        reason=because.reason,
        message=because.message,
    )
    entry = Entry(event, instance.desired_state, desired)
    history.note(db, [entry], kind="desired_state", explanation=because)


def _shown(instance: Instance, desired: DesiredState, because: Explanation) -> tuple[Explanation, int | None]:
    """Return what is said of an instance until its worker has begun, and the seconds until that is late."""
    match desired, instance.status:
        case (DesiredState.RUNNING, Status.RUNNING) if instance.generation == instance.observed_generation:
            # The worker has yet to hear of the stop that is taken back.
            return explain(Reason.AGENT_READY), None
        case (DesiredState.RUNNING, Status.RUNNING):
            return explain(Reason.UPDATE_REQUESTED), _seconds(Status.RUNNING)
        case (DesiredState.STOPPED, Status.STOPPED):
            return explain(Reason.AGENT_STOPPED), None
        case (DesiredState.RUNNING, _):
            return because, DEADLINES[Status.PENDING]
        case (DesiredState.STOPPED, _):
            return because, DEADLINES[Status.STOPPING]
        case _:
            return because, DEADLINES[Status.DELETING]


def _seconds(status: Status) -> int:
    """Return how long an instance that is to run may take to become another."""
    return DEADLINES[Status.UPDATING] if status == Status.RUNNING else DEADLINES.get(status, DEADLINES[Status.PENDING])


def _told(explanation: Explanation, seconds: int | None) -> dict[str, object]:
    deadline = None if seconds is None else func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    return {**vars(explanation), "deadline_at": deadline}


def doubt(db: SharedDb, instance_id: str, row_version: int) -> None:
    """Have a worker see whether a running instance still starts, if nothing has happened to it since `row_version`."""
    db.execute(
        update(instances)
        .where(
            instances.c.id == instance_id,
            instances.c.row_version == row_version,
            instances.c.status == Status.RUNNING,
            instances.c.attempts == 0,
        )
        .values(attempts=1, due_at=func.now())
    )
