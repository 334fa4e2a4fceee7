"""Exchanging master keys: data keys are wrapped anew, many at a time, while everything goes on.

Only what the first master key hasn't wrapped yet is looked at, so whoever was interrupted begins again and goes on.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, Table, bindparam, func, select, update

from functions.domain.a2a import push_configs as of_push_configs
from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets, sealing
from functions.domain.instances.sealing import DataKey, MasterKeys
from shared_psql_models.instance_secrets import instance_secrets
from shared_psql_models.push_configs import push_configs

BATCH: Final = 500
"""Rows of a table that are locked and written in one transaction."""


@dataclass(frozen=True)
class _Kind:
    """A table of sealed values, each of which has a data key beside it."""

    table: Table
    place: tuple[str, ...]
    """The columns that say what a value is the value of."""
    bound_to: Callable[..., bytes]
    """Takes what is in them."""

    @property
    def columns(self) -> list[Column[object]]:
        return [self.table.c[name] for name in self.place]


_KINDS: Final = (
    _Kind(instance_secrets, ("instance_id", "place", "version"), config_secrets.bound_to),
    _Kind(push_configs, ("run_id", "id", "url"), of_push_configs.bound_to),
)


def rewrap(db: SharedDb, keys: MasterKeys) -> int:
    """Have the first master key wrap what others in the secret have; return how many data keys those were.

    There may be more as long as it is BATCH of them or more. Raises NotSealedError.
    """
    return sum(_rewrap(db, keys, kind) for kind in _KINDS)


def _rewrap(db: SharedDb, keys: MasterKeys, kind: _Kind) -> int:
    # A key that the secret holds twice would be exchanged for itself for ever.
    others = {key.id for key in keys} - {keys[0].id}
    columns = kind.columns
    query = select(*columns, kind.table.c.key_id, kind.table.c.wrapped_key).where(kind.table.c.key_id.in_(others))
    rows = db.execute(query.order_by(*columns).limit(BATCH).with_for_update()).all()
    names = [f"of_{name}" for name in kind.place]
    values = []
    for *place, key_id, wrapped in rows:
        key = sealing.rewrap(keys, DataKey(key_id, wrapped), kind.bound_to(*place))
        values.append(dict(zip(names, place, strict=True)) | {"key_id": key.key_id, "wrapped_key": key.wrapped})
    if values:
        same = (column == bindparam(name) for column, name in zip(columns, names, strict=True))
        db.execute(update(kind.table).where(*same), values)
    return len(values)


def left(db: SharedDb, key_id: str) -> dict[str, int]:
    """Return how many data keys other master keys than this one have wrapped, by these keys' ids."""
    found: Counter[str] = Counter()
    for kind in _KINDS:
        column = kind.table.c.key_id
        rows = db.execute(select(column, func.count()).where(column != key_id).group_by(column))
        found.update({row[0]: row[1] for row in rows})
    return dict(found)
