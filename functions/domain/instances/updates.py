"""Updates: an instance becomes something else. What changes is worked out and checked before anything is locked."""

from collections.abc import Container
from dataclasses import dataclass, field, replace
from typing import Final

from events.catalog.instances import InstanceChanged
from events.outbox import emit
from functions.domain.api_errors import PreconditionFailed
from functions.domain.catalog import versions
from functions.domain.catalog.versions import Channel
from functions.domain.databases import SharedDb
from functions.domain.instances import commands, kill_switches, labels, launching, reading
from functions.domain.instances.launching import AgentUnknown, Launch
from functions.domain.instances.merging import merged
from functions.domain.instances.reading import DescribedInstance
from functions.domain.instances.reasons import Reason
from shared_psql_models.agents import AgentVersion
from shared_psql_models.instances import Instance


class InstanceChangedMeanwhile(PreconditionFailed):
    """The instance has changed since you read it: read it again, then repeat the change with its new ETag."""


@dataclass(frozen=True)
class Changes:
    """What somebody asks for. Patches are merged into what is there; an empty one changes nothing."""

    name: str | None = None
    labels: dict[str, str | None] = field(default_factory=dict)
    limits: dict[str, int | None] = field(default_factory=dict)
    config: dict[str, object] = field(default_factory=dict, repr=False)
    channel: Channel | None = None
    number: str | None = None
    """The version's; of it and `channel` at most one."""


@dataclass(frozen=True)
class Base:
    """What a change begins with."""

    instance: DescribedInstance
    version: AgentVersion
    """Which it shall have."""


@dataclass(frozen=True)
class Update:
    """A change that was checked."""

    generation: int
    """The one that it was worked out for."""
    changes: Changes
    launch: Launch | None
    """What the instance shall consist of; None when neither version nor config is to change."""


def begin(db: SharedDb, instance_id: str, owner_id: str, etags: Container[str], changes: Changes) -> Base:
    """Return what the change begins with, so that no transaction need be open while it is worked out.

    Raises InstanceNotFound, InstanceDeleted, InstanceChangedMeanwhile, AgentUnknown, VersionAmbiguous, VersionYanked.
    """
    instance = reading.find(db, instance_id, owner_id=owner_id)
    _check(instance, etags)
    if changes.channel is None and changes.number is None:
        return Base(instance, versions.by_id(db, instance.version_id))
    try:
        version = launching.choose(
            db, instance.agent, instance_id=instance_id, channel=changes.channel, number=changes.number
        )
    except AgentUnknown as unknown:
        # The agent isn't part of the request: what can't be had is the version.
        places = {"/agent": "/version" if changes.number is not None else "/channel"}
        errors = [replace(each, pointer=places.get(each.pointer, each.pointer)) for each in unknown.errors]
        raise AgentUnknown(errors=errors) from None
    return Base(instance, version)


def work_out(base: Base, changes: Changes) -> Update:
    """Return the change with what the instance shall consist of. Raises ConfigInvalid."""
    same = base.version.id == base.instance.version_id
    launch = None
    if changes.config or not same:
        launch = launching.fit(base.instance.id, base.version, merged(base.instance.config, changes.config))
    return Update(base.instance.generation, changes, launch)


def apply(db: SharedDb, instance_id: str, owner_id: str, etags: Container[str], wanted: Update) -> None:
    """Write the change; what is so already is none.

    Raises InstanceNotFound, InstanceDeleted, InstanceChangedMeanwhile, LabelsInvalid and StoppedByOperator.
    """
    instance = commands.locked(db, instance_id, owner_id)
    _check(instance, etags)
    if instance.generation != wanted.generation:
        raise InstanceChangedMeanwhile
    shown, spec = _shown(instance, wanted.changes), _spec(instance, wanted)
    if wanted.launch is not None and wanted.launch.version_id != instance.version_id:
        kill_switches.check(db, owner_id, wanted.launch.version_id)
    fields = sorted({_NAMES.get(column, column) for column in shown.keys() | spec.keys()})
    if spec:
        commands.renew(db, instance, shown | spec, Reason.UPDATE_REQUESTED, fields)
    elif shown:
        commands.write(db, instance, shown)
        event = InstanceChanged(
            instance_id=instance_id,
            owner_id=owner_id,
            fields=fields,
            generation=instance.generation,
            reason=Reason.UPDATE_REQUESTED,
        )
        emit(db, event)


_NAMES: Final = {"version_id": "version", "secret_places": "config"}
"""Columns that people know as part of another field."""


def _check(instance: Instance, etags: Container[str]) -> None:
    if str(instance.row_version) not in etags:
        raise InstanceChangedMeanwhile


def _shown(instance: Instance, changes: Changes) -> dict[str, object]:
    """Return the columns that change without anything for the worker to do."""
    given = {
        "name": instance.name if changes.name is None else changes.name,
        "labels": merged(instance.labels, changes.labels),
    }
    labels.check(given["labels"])
    return {column: value for column, value in given.items() if value != getattr(instance, column)}


def _spec(instance: Instance, wanted: Update) -> dict[str, object]:
    """Return the columns that change what the instance consists of."""
    given: dict[str, object] = {"limits": merged(instance.limits, wanted.changes.limits)}
    if wanted.launch is not None:
        given |= {"version_id": wanted.launch.version_id, "config": wanted.launch.config}
    changed = {column: value for column, value in given.items() if value != getattr(instance, column)}
    if wanted.launch is not None and wanted.launch.secret_places != instance.secret_places:
        # A version may call a secret what the one before did not.
        changed["secret_places"] = wanted.launch.secret_places
    return changed
