"""The secrets in configs: kept apart from them, each sealed for its instance, its place in the config and its version.

A config as it is stored has a reference where a secret belongs, with the version of the value: so it can be copied,
compared and shown by whoever may not read secrets. A new value is a new row; its version is the generation of the
instance that it came with. A row goes when no generation that is kept refers to it.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy import delete, insert, select, tuple_

from core.configuration import MissingSettingError
from functions.domain import sealing
from functions.domain.api_errors import Unavailable
from functions.domain.databases import SharedDb
from functions.domain.encryption import NotKeysError, NotSealedError
from functions.domain.json_schemas import Json, at, replaced
from functions.domain.sealing import DataKey, MasterKeys, Sealed
from shared_psql_models.instance_secrets import InstanceSecret, instance_secrets
from shared_psql_models.instances import instance_specs, instances

KEYS_NAME: Final = "instance-master-keys"
"""The secret that holds the master keys, one a line, each as 32 bytes in Base64."""

REFERENCE: Final = "secret_version"
"""What stands in a stored config in place of a secret is an object with this member alone."""


class SecretsUnavailable(Unavailable):
    """The secrets of instances can't be used just now: whoever runs this service has to see to it."""

    headers: ClassVar[dict[str, str]] = {"Retry-After": "60"}


class CannotUseSecretsError(Exception):
    """Why an instance's secrets can't be used, and what an operator can do about it: for the log."""


@dataclass(frozen=True)
class Secret:
    """A secret as its owner is shown it: without its value."""

    place: str
    """A JSON Pointer into the config."""
    version: int
    updated_at: datetime

    @property
    def name(self) -> str:
        """The place without its first slash: the name of a setting that isn't inside of another."""
        return self.place.removeprefix("/")


@dataclass(frozen=True)
class SealedConfig:
    """A config as it is to be stored, and the secrets that it is to be stored with."""

    config: dict[str, Json]
    """With references in place of secrets."""
    secrets: dict[tuple[str, int], Sealed] = field(default_factory=dict)
    """Those that are new, by place and version."""


def sealed(
    instance_id: str,
    version: int,
    config: dict[str, Json],
    places: Iterable[str],
    kept: dict[str, int] | None = None,
) -> SealedConfig:
    """Return a config to be stored, whose secrets at `places` are new in `version`, but for those that are `kept`.

    These are versions by their places. Raises SecretsUnavailable when there is no master key to seal by.
    """
    in_force = {place: (kept or {}).get(place, version) for place in places}
    references = {place: {REFERENCE: number} for place, number in in_force.items()}
    new = {place: at(config, place) for place in in_force if place not in (kept or {})}
    if not new:
        return SealedConfig(replaced(config, references))
    with used_of(instance_id):
        keys = sealing.master_keys(KEYS_NAME)
    secrets = {
        (place, version): sealing.seal(keys, json.dumps(value).encode(), bound_to(instance_id, place, version))
        for place, value in new.items()
    }
    return SealedConfig(replaced(config, references), secrets)


def add(db: SharedDb, instance_id: str, stored: SealedConfig) -> None:
    """Store the secrets that are new in a config of an instance that is there."""
    rows = [
        {
            "instance_id": instance_id,
            "place": place,
            "version": version,
            "key_id": each.data_key.key_id,
            "wrapped_key": each.data_key.wrapped,
            "sealed": each.text,
        }
        for (place, version), each in stored.secrets.items()
    ]
    if rows:
        db.execute(insert(instance_secrets).values(rows))


def unsealed(db: SharedDb, instance_id: str, config: dict[str, Json], places: Collection[str]) -> dict[str, Json]:
    """Return a config of an instance with its secrets, for its agent or to be changed. Raises SecretsUnavailable."""
    wanted = versions(config, places)
    if not wanted:
        return config
    column = instance_secrets.c
    query = select(instance_secrets).where(
        column.instance_id == instance_id, tuple_(column.place, column.version).in_(list(wanted.items()))
    )
    rows = [InstanceSecret.of(row) for row in db.execute(query).mappings()]
    with used_of(instance_id):
        keys = sealing.master_keys(KEYS_NAME)
        values = {row.place: _value(keys, row) for row in rows}
        if missing := wanted.keys() - values.keys():
            message = f"there are no such secrets: {', '.join(sorted(missing))}"
            raise NotSealedError(message)
    whole: dict[str, Json] = replaced(config, values)
    return whole


def versions(config: dict[str, Json], places: Iterable[str]) -> dict[str, int]:
    """Return the versions of a stored config's secrets by their places.

    What a release stored that knew of no references stands in the config itself, and has none.
    """
    found = {place: at(config, place) for place in places}
    return {
        place: value[REFERENCE]
        for place, value in found.items()
        if isinstance(value, dict) and value.keys() == {REFERENCE}
    }


def described(db: SharedDb, instance_id: str, config: dict[str, Json], places: Iterable[str]) -> list[Secret]:
    """Return the secrets of a stored config, sorted by place."""
    keys = list(versions(config, places).items())
    columns = instance_secrets.c.place, instance_secrets.c.version, instance_secrets.c.created_at
    query = select(*columns).where(
        instance_secrets.c.instance_id == instance_id,
        tuple_(instance_secrets.c.place, instance_secrets.c.version).in_(keys),
    )
    rows = db.execute(query).all() if keys else []
    return sorted((Secret(*row) for row in rows), key=lambda each: each.name)


def forget(db: SharedDb, instance_id: str) -> None:
    """Delete the secrets that nothing which an instance consists of refers to any more."""
    column = instance_secrets.c
    there = db.execute(select(column.place, column.version).where(column.instance_id == instance_id)).all()
    if not there:
        return
    stored = [
        *db.execute(select(instances.c.config, instances.c.secret_places).where(instances.c.id == instance_id)),
        *db.execute(
            select(instance_specs.c.config, instance_specs.c.secret_places).where(
                instance_specs.c.instance_id == instance_id
            )
        ),
    ]
    referred = {each for config, places in stored for each in versions(config, places).items()}
    gone = {(place, version) for place, version in there} - referred
    if gone:
        of_these = column.instance_id == instance_id, tuple_(column.place, column.version).in_(sorted(gone))
        db.execute(delete(instance_secrets).where(*of_these))


@contextmanager
def used_of(instance_id: str) -> Iterator[None]:
    """Raise SecretsUnavailable for whatever keeps an instance's secrets from being used; its cause is for the log."""
    try:
        yield
    except (NotSealedError, NotKeysError, MissingSettingError) as error:
        raise SecretsUnavailable from CannotUseSecretsError(f"the secrets of {instance_id} can't be used: {error}")


def _value(keys: MasterKeys, row: InstanceSecret) -> Json:
    value = Sealed(DataKey(row.key_id, row.wrapped_key), row.sealed)
    return json.loads(sealing.unseal(keys, value, bound_to(row.instance_id, row.place, row.version)))


def bound_to(instance_id: str, place: str, version: int) -> bytes:
    """Return what a secret's value and its data key are bound to, so that they can be opened nowhere else."""
    return f"botberi instance secret 1 {instance_id} {version} {place}".encode()
