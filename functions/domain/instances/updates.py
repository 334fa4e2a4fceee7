"""Updates: an instance becomes something else. What changes is worked out and checked before anything is locked."""

import json
from collections.abc import Container
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import JsonValue

from events.catalog.instances import InstanceChanged
from events.outbox import emit
from functions.domain.api_errors import PreconditionFailed
from functions.domain.catalog import versions
from functions.domain.catalog.versions import Channel
from functions.domain.databases import SharedDb
from functions.domain.instances import commands, config_secrets, kill_switches, labels, launching, reading
from functions.domain.instances.config_secrets import SealedConfig
from functions.domain.instances.launching import AgentUnknown, Launch
from functions.domain.instances.merging import merged
from functions.domain.instances.reading import DescribedInstance
from functions.domain.instances.reasons import Reason, explain
from functions.domain.json_schemas import at
from shared_psql_models.agents import AgentVersion
from shared_psql_models.instances import Instance


class InstanceChangedMeanwhile(PreconditionFailed):
    """The instance has changed since you read it: read it again, then repeat the change with its new ETag."""


@dataclass(frozen=True)
class Changes:
    """What somebody asks for. Patches are merged into what is there: {} changes nothing, None takes all of it away."""

    name: str | None = None
    labels: dict[str, str | None] | None = field(default_factory=dict)
    limits: dict[str, int | None] | None = field(default_factory=dict)
    config: dict[str, object] | None = field(default_factory=dict, repr=False)
    channel: Channel | None = None
    number: str | None = None
    """The version's; of it and `channel` at most one."""
    discoverable: bool | None = None

    @property
    def concern_config(self) -> bool:
        """Return whether the config may come to be another: changed, or fitted to another version's schema."""
        return self.config != {} or self.channel is not None or self.number is not None


@dataclass(frozen=True)
class Base:
    """What a change begins with."""

    instance: DescribedInstance
    version: AgentVersion
    """Which it shall have."""
    config: dict[str, JsonValue] = field(repr=False)
    """That which it has; with its secrets if it was `opened`, else with references to them."""


@dataclass(frozen=True)
class Update:
    """A change that was checked."""

    generation: int
    """The one that it was worked out for."""
    changes: Changes
    launch: Launch | None
    """What the instance shall consist of; None when neither version nor config is to change."""
    kept: dict[str, int] = field(default_factory=dict)
    """The versions of secrets that stay as they are, by their places."""


def begin(db: SharedDb, instance_id: str, owner_id: str, etags: Container[str] | None, changes: Changes) -> Base:
    """Return what the change begins with, so that no transaction need be open while it is worked out.

    Without `etags` any state will do. It is opened if the changes concern the config.

    Raises InstanceNotFound, InstanceDeleted, InstanceChangedMeanwhile, AgentUnknown, VersionAmbiguous, VersionYanked,
    and what `opened` does.
    """
    instance = reading.find(db, instance_id, owner_id=owner_id)
    _check(instance, etags)
    base = Base(instance, _version(db, instance, changes), instance.config)
    return opened(db, base) if changes.concern_config else base


def opened(db: SharedDb, base: Base) -> Base:
    """Return it with the secrets in its config. Raises SecretsUnavailable."""
    instance = base.instance
    config = config_secrets.unsealed(db, instance.id, instance.config, instance.secret_places)
    return replace(base, config=config)


def _version(db: SharedDb, instance: DescribedInstance, changes: Changes) -> AgentVersion:
    """Return the version that the instance shall have."""
    if changes.channel is None and changes.number is None:
        return versions.by_id(db, instance.version_id)
    try:
        return launching.choose(
            db, instance.agent, instance_id=instance.id, channel=changes.channel, number=changes.number
        )
    except AgentUnknown as unknown:
        # The agent isn't part of the request: what can't be had is the version.
        places = {"/agent": "/version" if changes.number is not None else "/channel"}
        errors = [replace(each, pointer=places.get(each.pointer, each.pointer)) for each in unknown.errors]
        raise AgentUnknown(errors=errors) from None


def work_out(base: Base, changes: Changes) -> Update:
    """Return the change with what the instance shall consist of. Raises ConfigInvalid."""
    if changes.config == {} and base.version.id == base.instance.version_id:
        return Update(base.instance.generation, changes, None)
    return with_config(base, merged(base.config, changes.config) or {}, changes)


def with_config(base: Base, config: dict[str, JsonValue], changes: Changes) -> Update:
    """Return the change of an opened base to another config, which is completed. Raises ConfigInvalid."""
    launch = launching.fit(base.instance.id, base.version, config)
    before = config_secrets.versions(base.instance.config, base.instance.secret_places)
    # What was sent as a secret stays one for as long as it is the same, whatever another version calls it.
    same = {place for place in before if _text(base.config, place) == _text(launch.config, place)}
    places = [*launch.secret_places, *sorted(same.difference(launch.secret_places))]
    outermost = [place for place in places if not any(place.startswith(f"{other}/") for other in places)]
    kept = {place: before[place] for place in outermost if place in same}
    return Update(base.instance.generation, changes, replace(launch, secret_places=outermost), kept)


def _text(config: dict[str, JsonValue], place: str) -> str | None:
    """Return what stands at a place as JSON, which tells 1 from true; None for nothing."""
    try:
        return json.dumps(at(config, place))
    except (LookupError, TypeError, ValueError):
        return None


def apply(db: SharedDb, instance_id: str, owner_id: str, etags: Container[str], wanted: Update) -> None:
    """Write the change; what is so already is none.

    Raises InstanceNotFound, InstanceDeleted, InstanceChangedMeanwhile, LabelsInvalid and StoppedByOperator.
    """
    instance = commands.locked(db, instance_id, owner_id)
    _check(instance, etags)
    write(db, instance, wanted)


def write(db: SharedDb, instance: Instance, wanted: Update) -> None:
    """Write the change to an instance, which is locked.

    Raises InstanceChangedMeanwhile, LabelsInvalid and StoppedByOperator.
    """
    if instance.generation != wanted.generation:
        raise InstanceChangedMeanwhile
    stored = _stored(instance, wanted)
    shown, spec = _shown(instance, wanted.changes), _spec(instance, wanted, stored)
    if wanted.launch is not None and wanted.launch.version_id != instance.version_id:
        kill_switches.check(db, instance.owner_id, wanted.launch.version_id)
    fields = sorted({_NAMES.get(column, column) for column in shown.keys() | spec.keys()})
    if spec:
        config_secrets.add(db, instance.id, stored)
        commands.renew(db, instance, shown | spec, explain(Reason.UPDATE_REQUESTED), fields)
    elif shown:
        commands.write(db, instance, shown)
        event = InstanceChanged(
            instance_id=instance.id,
            owner_id=instance.owner_id,
            fields=fields,
            generation=instance.generation,
            reason=Reason.UPDATE_REQUESTED,
        )
        emit(db, event)


_NAMES: Final = {"version_id": "version", "secret_places": "config"}
"""Columns that people know as part of another field."""


def _check(instance: Instance, etags: Container[str] | None) -> None:
    if etags is not None and str(instance.row_version) not in etags:
        raise InstanceChangedMeanwhile


def _shown(instance: Instance, changes: Changes) -> dict[str, object]:
    """Return the columns that change without anything for the worker to do."""
    labelled: dict[str, str] = merged(instance.labels, changes.labels) or {}
    labels.check(labelled)
    asked = {"name": changes.name, "discoverable": changes.discoverable, "labels": labelled}
    given = {column: value for column, value in asked.items() if value is not None}
    return {column: value for column, value in given.items() if value != getattr(instance, column)}


def _stored(instance: Instance, wanted: Update) -> SealedConfig:
    """Return the config that the next generation of an instance is to be stored with."""
    if wanted.launch is None:
        return SealedConfig(instance.config)
    launch = wanted.launch
    return config_secrets.sealed(
        instance.id, instance.generation + 1, launch.config, launch.secret_places, kept=wanted.kept
    )


def _spec(instance: Instance, wanted: Update, stored: SealedConfig) -> dict[str, object]:
    """Return the columns that change what the instance consists of."""
    given: dict[str, object] = {"limits": merged(instance.limits, wanted.changes.limits) or {}}
    if wanted.launch is not None:
        given |= {"version_id": wanted.launch.version_id, "config": stored.config}
    changed = {column: value for column, value in given.items() if value != getattr(instance, column)}
    if wanted.launch is not None and wanted.launch.secret_places != instance.secret_places:
        # A version may call a secret what the one before did not.
        changed["secret_places"] = wanted.launch.secret_places
    return changed
