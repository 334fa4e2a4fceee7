"""Exchanging master keys: data keys are wrapped anew, many at a time, while everything goes on.

Only what the first master key hasn't wrapped yet is looked at, so whoever was interrupted begins again and goes on.
"""

from typing import Final

from sqlalchemy import bindparam, func, select, update

from functions.domain.databases import SharedDb
from functions.domain.instances import sealing
from functions.domain.instances.config_secrets import bound_to
from functions.domain.instances.sealing import DataKey, MasterKeys
from shared_psql_models.instance_secrets import instance_secrets

BATCH: Final = 500
"""Rows that are locked and written in one transaction."""

_SECRET: Final = instance_secrets.c
_KEY: Final = (_SECRET.instance_id, _SECRET.place, _SECRET.version)

_NAMES: Final = ("of_instance", "of_place", "of_version")
_WRAPPED: Final = update(instance_secrets).where(
    *(column == bindparam(name) for column, name in zip(_KEY, _NAMES, strict=True))
)


def rewrap(db: SharedDb, keys: MasterKeys) -> int:
    """Have the first master key wrap what others in the secret have; return how many data keys those were.

    There may be more as long as it is BATCH of them. Raises NotSealedError.
    """
    # A key that the secret holds twice would be exchanged for itself for ever.
    others = {key.id for key in keys} - {keys[0].id}
    query = select(*_KEY, _SECRET.key_id, _SECRET.wrapped_key).where(_SECRET.key_id.in_(others))
    rows = db.execute(query.order_by(*_KEY).limit(BATCH).with_for_update()).all()
    values = []
    for row in rows:
        place = row.instance_id, row.place, row.version
        key = sealing.rewrap(keys, DataKey(row.key_id, row.wrapped_key), bound_to(*place))
        values.append(dict(zip(_NAMES, place, strict=True)) | {"key_id": key.key_id, "wrapped_key": key.wrapped})
    if values:
        db.execute(_WRAPPED, values)
    return len(values)


def left(db: SharedDb, key_id: str) -> dict[str, int]:
    """Return how many data keys other master keys than this one have wrapped, by these keys' ids."""
    query = select(_SECRET.key_id, func.count()).where(_SECRET.key_id != key_id).group_by(_SECRET.key_id)
    return {row[0]: row[1] for row in db.execute(query)}
