"""Secrets that stand in plain in configs, as releases stored them that sealed none: those are sealed afterwards."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, select, update

from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets
from functions.domain.json_schemas import Json, escaped
from shared_psql_models.instances import instance_specs, instances

BATCH: Final = 500
"""Instances that are locked in one transaction."""


def seal(db: SharedDb, *, after: str = "") -> tuple[int, str | None]:
    """Seal what BATCH instances have in plain, in the order of their ids from `after` on.

    Return how many configs had something in plain, and the last of these ids; None when there is none left.
    """
    column = instances.c
    query = select(column.id, column.generation, column.config, column.secret_places).where(
        column.id > after, func.cardinality(column.secret_places) > 0
    )
    rows = db.execute(query.order_by(column.id).limit(BATCH).with_for_update()).all()
    sealed = sum(_seal(db, row.id, row.generation, row.config, row.secret_places) for row in rows)
    return sealed, rows[-1].id if rows else None


def _seal(db: SharedDb, instance_id: str, generation: int, config: dict[str, Json], places: list[str]) -> int:
    spec = instance_specs.c
    kept = db.execute(
        select(spec.generation, spec.config, spec.secret_places).where(spec.instance_id == instance_id)
    ).all()
    stored = {row.generation: (row.config, row.secret_places) for row in kept} | {generation: (config, places)}
    return sum(
        _seal_generation(db, instance_id, number, its_config, _members(its_config, its_places))
        for number, (its_config, its_places) in stored.items()
    )


def _members(config: dict[str, Json], places: Iterable[str]) -> list[str]:
    """Return the places, or those of all members where one stands for the whole config."""
    return [f"/{escaped(name)}" for name in config] if "" in places else list(places)


def _seal_generation(
    db: SharedDb, instance_id: str, generation: int, config: dict[str, Json], places: list[str]
) -> bool:
    versions = config_secrets.versions(config, places)
    if len(versions) == len(places):
        return False
    sealed = config_secrets.sealed(instance_id, generation, config, places, kept=versions)
    config_secrets.add(db, instance_id, sealed)
    values = {"config": sealed.config, "secret_places": places}
    spec, column = instance_specs.c, instances.c
    db.execute(
        update(instance_specs).where(spec.instance_id == instance_id, spec.generation == generation).values(values)
    )
    db.execute(update(instances).where(column.id == instance_id, column.generation == generation).values(values))
    return True
