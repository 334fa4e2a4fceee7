"""Specs: what each generation of an instance consists of, for as long as that is of use.

The wanted one stands in `instances` as well, where it is shown. Whoever changes it there keeps it here in the same
transaction; once the worker has seen it answer, it is the one that serves, and the ones before it are forgotten.
"""

from typing import Final

from sqlalchemy import delete, func, select, text, update

from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets
from shared_psql_models.instances import InstanceSpec, instance_specs, instances

# Kept already is what a release wrote that knows of specs; one that doesn't leaves that to the next change.
_KEEP: Final = text(
    """
    insert into instance_specs (instance_id, generation, version_id, config, secret_places, limits)
    select id, generation, version_id, config, secret_places, limits from instances where id = :id
    on conflict do nothing
    """
)


def keep(db: SharedDb, instance_id: str) -> None:
    """Keep what an instance consists of as that of its generation, unless it is kept already."""
    db.execute(_KEEP, {"id": instance_id})


def find(db: SharedDb, instance_id: str, generation: int) -> InstanceSpec | None:
    """Return what an instance consists of in a generation; None when that is forgotten, or never was."""
    query = select(instance_specs).where(
        instance_specs.c.instance_id == instance_id, instance_specs.c.generation == generation
    )
    row = db.execute(query).mappings().first()
    return None if row is None else InstanceSpec.of(row)


_FIELDS: Final = {"config": "config", "limits": "limits", "version_id": "version"}
"""By column: what it is called in events."""


def differences(db: SharedDb, instance_id: str, generation: int, other: int) -> list[str]:
    """Return what an instance consists of otherwise in one generation than in another, as its events call it."""
    one, two = find(db, instance_id, generation), find(db, instance_id, other)
    return [name for column, name in _FIELDS.items() if getattr(one, column, None) != getattr(two, column, None)]


def observe(db: SharedDb, instance_id: str, generation: int) -> None:
    """Note that a generation serves, and forget those before it. The caller has guarded the row."""
    db.execute(update(instances).where(instances.c.id == instance_id).values(observed_generation=generation))
    forget(db, instance_id, before=generation)


def forget(db: SharedDb, instance_id: str, *, before: int | None = None) -> None:
    """Forget what an instance consisted of: in the generations before one, or in all. Its secrets go with it."""
    statement = delete(instance_specs).where(instance_specs.c.instance_id == instance_id)
    if before is not None:
        statement = statement.where(instance_specs.c.generation < before)
    db.execute(statement)
    config_secrets.forget(db, instance_id)


def roll_back(db: SharedDb, instance_id: str) -> int | None:
    """Make what serves the wanted generation again, under the number that is returned, and forget those before it.

    None: nothing has served yet, or it is what is wanted. The caller has guarded the row.
    """
    generation: int | None = db.scalar(select(func.roll_back_instance(instance_id)))
    if generation is not None:
        forget(db, instance_id, before=generation)
    return generation
