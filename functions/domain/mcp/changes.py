"""What clients that listen to an instance are told: that it offers something else, and how their tasks are."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue
from sqlalchemy import func, select, text

from functions.domain.databases import SharedDb
from functions.domain.mcp import results
from functions.domain.runs.reading import Of
from shared_psql_models.instances import instance_specs, instances
from shared_psql_models.runs import Run, runs

LISTS: Final = ("tools", "prompts", "resources")

_BACK: Final = timedelta(hours=2)
"""How old a run may be in which an agent's word is looked for."""

# Runs of an instance are found by their ids, which begin with the time.
_SAID: Final = text(
    """
    select said.run_id, said.sequence, said.data->'data' as lists
    from runs join run_events as said on said.run_id = runs.id
    where runs.instance_id = :instance_id and runs.id >= :first
      and (runs.ended_at is null or runs.ended_at >= :since)
      and said.type = 'data' and said.data->>'name' = :name and said.at >= :since
    """
)


@dataclass(frozen=True)
class Word:
    """An agent's word that lists have changed."""

    place: tuple[str, int]
    """The run, and the number of the event in it."""
    lists: tuple[str, ...]


def now(db: SharedDb) -> datetime:
    """Return the time by the database's clock."""
    found: datetime = db.scalars(select(func.clock_timestamp())).one()
    return found


def serving(db: SharedDb, instance_id: str) -> str | None:
    """Return the version that an instance serves by; None for one that serves by none, or isn't there any more."""
    query = select(instance_specs.c.version_id).join(instances, instances.c.id == instance_specs.c.instance_id)
    serves = instance_specs.c.generation == instances.c.observed_generation
    return db.scalar(query.where(instances.c.id == instance_id, serves))


def words(db: SharedDb, instance_id: str, since: datetime) -> Iterator[Word]:
    """Yield what agents have said of their lists since a time."""
    first = f"run_{int((since - _BACK).timestamp() * 1000):012x}"
    told = {"instance_id": instance_id, "since": since, "name": results.LIST_CHANGED, "first": first}
    for row in db.execute(_SAID, told):
        yield Word((row.run_id, row.sequence), tuple(each for each in LISTS if each in _texts(row.lists)))


def _texts(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]


def runs_of(db: SharedDb, ids: Collection[str], of: Of) -> Sequence[Run]:
    """Return those of some runs that are whose they have to be."""
    if not ids:
        return []
    query = select(runs).where(runs.c.id.in_(ids), runs.c.owner_id == of.owner_id)
    if of.instance_id is not None:
        query = query.where(runs.c.instance_id == of.instance_id)
    return [Run.of(row) for row in db.execute(query).mappings()]
