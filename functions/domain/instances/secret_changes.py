"""Changes of single secrets, by whoever may set them and can't read them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from pydantic import JsonValue

from functions.domain.api_errors import Invalid, PreconditionFailed
from functions.domain.databases import SharedDb
from functions.domain.instances import commands, config_secrets, reading, updates
from functions.domain.instances.config_secrets import Secret
from functions.domain.instances.configs import ConfigInvalid
from functions.domain.instances.redaction import places_of_secrets
from functions.domain.instances.updates import Base, Changes, Update
from functions.domain.json_schemas import escaped

NOTHING_ELSE: Final = Changes()
"""What else is to change: nothing."""


class UnknownSecret(Invalid):
    """The version's config_schema has no setting of this name that is `writeOnly`."""


class SecretChangedMeanwhile(PreconditionFailed):
    """The secret isn't in the state that you asked for: list the secrets, then repeat the change with its new ETag."""


@dataclass(frozen=True)
class SecretChange:
    """A change of one secret, which was checked."""

    instance_id: str
    name: str
    update: Update


def put(base: Base, name: str, value: JsonValue) -> SecretChange:
    """Return the change of an opened base by which a secret has a value. Raises UnknownSecret and ConfigInvalid."""
    if not _is_secret(base, name, value):
        raise UnknownSecret
    try:
        return _change(base, name, base.config | {name: value})
    except ConfigInvalid as invalid:
        place = f"/config{_place(name)}"
        inside = {
            each: replace(each, pointer=f"/value{each.pointer.removeprefix(place)}")
            for each in invalid.errors
            if f"{each.pointer}/".startswith(f"{place}/")
        }
        raise ConfigInvalid(errors=[inside.get(each, each) for each in invalid.errors]) from None


def drop(base: Base, name: str) -> SecretChange:
    """Return the change of an opened base by which a secret goes; one that isn't set stays so.

    Raises UnknownSecret and ConfigInvalid.
    """
    if _place(name) not in base.instance.secret_places and not _is_secret(base, name, None):
        raise UnknownSecret
    rest = {each: value for each, value in base.config.items() if each != name}
    return _change(base, name, rest)


def write(db: SharedDb, owner_id: str, change: SecretChange, holds: Callable[[str | None], bool]) -> None:
    """Write a change if the secret is in a state that `holds`, a function of its ETag, or of None if it isn't set.

    Raises InstanceNotFound, InstanceDeleted, InstanceChangedMeanwhile and SecretChangedMeanwhile.
    """
    instance = commands.locked(db, change.instance_id, owner_id)
    version = config_secrets.versions(instance.config, instance.secret_places).get(_place(change.name))
    if not holds(None if version is None else str(version)):
        raise SecretChangedMeanwhile
    updates.write(db, instance, change.update)


def find(db: SharedDb, instance_id: str, name: str) -> Secret:
    """Return a secret that is set."""
    instance = reading.find(db, instance_id)
    [found] = config_secrets.described(db, instance_id, instance.config, [_place(name)])
    return found


def _change(base: Base, name: str, config: dict[str, JsonValue]) -> SecretChange:
    update = updates.with_config(base, config, NOTHING_ELSE)
    return SecretChange(base.instance.id, name, update)


def _is_secret(base: Base, name: str, value: JsonValue) -> bool:
    return not {"", _place(name)}.isdisjoint(places_of_secrets({name: value}, base.version.config_schema))


def _place(name: str) -> str:
    return f"/{escaped(name)}"
