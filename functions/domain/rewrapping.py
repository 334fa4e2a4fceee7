"""Exchanging master keys: data keys are wrapped anew, many at a time, while everything goes on.

Only what the first master key hasn't wrapped yet is looked at, so whoever was interrupted begins again and goes on.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, Connection, Table, bindparam, func, select, update

from functions.domain import sealing
from functions.domain.sealing import DataKey, MasterKeys

BATCH: Final = 500
"""Rows of a table that are locked and written in one transaction."""


@dataclass(frozen=True)
class SealedTable:
    """A table of sealed values, each with its data key in the columns `key_id` and `wrapped_key`."""

    table: Table
    place: tuple[str, ...]
    """The columns that say what a value is the value of."""
    bound_to: Callable[..., bytes]
    """Takes what is in them."""

    @property
    def columns(self) -> list[Column[object]]:
        """The columns of the place."""
        return [self.table.c[name] for name in self.place]


@dataclass(frozen=True)
class SealedTables:
    """The tables of what the master keys of one secret have sealed."""

    database: str
    """`user_psql` or `shared_psql`."""
    tables: tuple[SealedTable, ...]


def rewrap(db: Connection, sealed: SealedTables, keys: MasterKeys) -> int:
    """Have the first master key wrap what others in the secret have; return how many data keys those were.

    There may be more as long as it is BATCH of them or more. Raises NotSealedError.
    """
    return sum(_rewrap(db, each, keys) for each in sealed.tables)


def _rewrap(db: Connection, sealed: SealedTable, keys: MasterKeys) -> int:
    # A key that the secret holds twice would be exchanged for itself for ever.
    others = {key.id for key in keys} - {keys[0].id}
    columns, key_id, wrapped_key = sealed.columns, sealed.table.c.key_id, sealed.table.c.wrapped_key
    query = select(*columns, key_id, wrapped_key).where(key_id.in_(others))
    rows = db.execute(query.order_by(*columns).limit(BATCH).with_for_update()).all()
    names = [f"of_{name}" for name in sealed.place]
    values = []
    for *place, by, wrapped in rows:
        key = sealing.rewrap(keys, DataKey(by, wrapped), sealed.bound_to(*place))
        values.append(dict(zip(names, place, strict=True)) | {"key_id": key.key_id, "wrapped_key": key.wrapped})
    if values:
        same = (column == bindparam(name) for column, name in zip(columns, names, strict=True))
        db.execute(update(sealed.table).where(*same), values)
    return len(values)


def left(db: Connection, sealed: SealedTables, key_id: str) -> dict[str, int]:
    """Return how many data keys other master keys than this one have wrapped, by these keys' ids."""
    found: Counter[str] = Counter()
    for each in sealed.tables:
        column = each.table.c.key_id
        rows = db.execute(select(column, func.count()).where(column != key_id).group_by(column))
        found.update({row[0]: row[1] for row in rows})
    return dict(found)
