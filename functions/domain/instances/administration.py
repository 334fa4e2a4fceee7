"""What administrators ask of anybody's instance. Each comes with words, which its owner reads in its history."""

from typing import Final

from sqlalchemy import func

from core import context
from events.catalog.instances import InstanceChanged, InstanceDesiredStateChanged
from functions.domain.databases import SharedDb
from functions.domain.instances import commands, history
from functions.domain.instances.commands import InstanceDeleted
from functions.domain.instances.history import Entry
from functions.domain.instances.reasons import Explanation, Reason, because
from shared_psql_models.instances import Instance
from shared_psql_models.statuses import DesiredState, Status

QUARANTINE: Final = "quarantine"
RECONCILIATION: Final = "reconciliation"
"""Kinds of entries in a history, beside the names of columns."""


def stop(db: SharedDb, instance_id: str, given: str) -> None:
    """Ask for an instance to stop. Raises InstanceNotFound, InstanceDeleted."""
    instance = commands.locked(db, instance_id)
    commands.ask(db, instance, DesiredState.STOPPED, because(Reason.STOPPED_BY_ADMINISTRATOR, given))


def restart(db: SharedDb, instance_id: str, given: str) -> None:
    """Ask for an instance to be started anew, as what it is; one that is stopped is started.

    Raises InstanceNotFound, InstanceDeleted, Quarantined, EmailUnverified and StoppedByOperator.
    """
    commands.start_anew(db, commands.locked(db, instance_id), because(Reason.RESTARTED_BY_ADMINISTRATOR, given))


def quarantine(db: SharedDb, instance_id: str, given: str) -> None:
    """Ask for an instance to stop, and let nobody start it; one that is set apart already stays so, with its reason.

    Raises InstanceNotFound, InstanceDeleted.
    """
    instance = commands.locked(db, instance_id)
    explanation = because(Reason.QUARANTINED, given)
    if instance.quarantined_at is None:
        apart: dict[str, object] = {
            "quarantined_at": func.now(),
            "quarantined_by": context.current().actor,
            "quarantine_reason": given,
        }
        commands.write(db, instance, apart)
        _note_quarantine(db, instance, explanation, quarantined=True)
    commands.ask(db, instance, DesiredState.STOPPED, explanation)


def release(db: SharedDb, instance_id: str, given: str) -> None:
    """Let an instance be started again that was set apart; it stays stopped until somebody does.

    Raises InstanceNotFound, InstanceDeleted.
    """
    instance = commands.locked(db, instance_id)
    if instance.quarantined_at is None:
        return
    commands.write(db, instance, {"quarantined_at": None, "quarantined_by": None, "quarantine_reason": None})
    _note_quarantine(db, instance, because(Reason.RELEASED_FROM_QUARANTINE, given), quarantined=False)


def _note_quarantine(db: SharedDb, instance: Instance, explanation: Explanation, *, quarantined: bool) -> None:
    previous, value = ("released", "quarantined") if quarantined else ("quarantined", "released")
    entry = Entry(_changed(instance, explanation, ["quarantine"]), previous, value)
    history.note(db, [entry], kind=QUARANTINE, explanation=explanation)


def reconcile(db: SharedDb, instance_id: str, given: str) -> None:
    """Have a worker look at an instance now: one that runs is verified, one that has failed is tried again.

    Raises InstanceNotFound, InstanceDeleted for one of which nothing is left, and, for one that is to run, Quarantined,
    EmailUnverified and StoppedByOperator.
    """
    instance = commands.locked(db, instance_id, deleted=True)
    if instance.status == Status.DELETED:
        raise InstanceDeleted
    runs = instance.desired_state == DesiredState.RUNNING
    if runs:
        commands.check_start(db, instance)
    # A running one with a failed start is one of which a worker sees whether it still starts.
    doubted = runs and instance.status == Status.RUNNING
    commands.write(db, instance, {"due_at": func.now(), "attempts": int(doubted)})
    explanation = because(Reason.RECONCILED_BY_ADMINISTRATOR, given)
    entry = Entry(_changed(instance, explanation, []), None, instance.status)
    history.note(db, [entry], kind=RECONCILIATION, explanation=explanation)


def check_not_deleted(db: SharedDb, instance_id: str) -> Instance:
    """Return an instance, locked, of which something is left. Raises InstanceNotFound and InstanceDeleted."""
    instance = commands.locked(db, instance_id, deleted=True)
    if instance.status == Status.DELETED:
        raise InstanceDeleted
    return instance


def force_delete(db: SharedDb, instance_id: str, given: str) -> None:
    """Ask for an instance to be deleted at once: an agent host that can't be reached isn't waited for.

    Asked of one that is being deleted already, it hurries that. Raises InstanceNotFound, and InstanceDeleted for one of
    which nothing is left.
    """
    instance = check_not_deleted(db, instance_id)
    explanation = because(Reason.DELETED_BY_ADMINISTRATOR, given)
    asked = {"desired_state": DesiredState.DELETED, "deadline_at": func.now(), "due_at": func.now(), "attempts": 0}
    commands.write(db, instance, {**vars(explanation), **asked})
    event = InstanceDesiredStateChanged(
        instance_id=instance.id,
        owner_id=instance.owner_id,
        desired_state=DesiredState.DELETED,
        reason=explanation.reason,
        message=explanation.message,
    )
    entry = Entry(event, instance.desired_state, DesiredState.DELETED)
    history.note(db, [entry], kind="desired_state", explanation=explanation)


def _changed(instance: Instance, explanation: Explanation, fields: list[str]) -> InstanceChanged:
    return InstanceChanged(
        instance_id=instance.id,
        owner_id=instance.owner_id,
        fields=fields,
        generation=instance.generation,
        reason=explanation.reason,
        message=explanation.message,
    )
