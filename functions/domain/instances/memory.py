"""What agents remember for their instances: JSON values by keys, within what an account may have of it.

Whoever writes takes turns with others, and with the deletion of the instance, by the row that counts its bytes.
"""

import json
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import JsonValue
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from functions.domain.api_errors import FieldError, Invalid, NotFound, PreconditionFailed
from functions.domain.databases import SharedDb
from functions.domain.instances import quotas
from functions.domain.instances.reading import PRESENT, InstanceNotFound
from functions.domain.json_schemas import is_text
from shared_psql_models.agent_memory import MemoryEntry, agent_memory, agent_memory_usage
from shared_psql_models.instances import instances

KEY: Final = r"^[A-Za-z0-9._~-]*[A-Za-z0-9_~-][A-Za-z0-9._~-]*$"
"""The form of keys: what may stand in a path as it is, and isn't dots alone."""

KEY_CHARACTERS: Final = 256

VALUE_BYTES: Final = 64 * 1024
"""Bytes of UTF-8 that a value may have as JSON without white space."""

DEPTH: Final = 64
"""Levels to which a value may be nested."""

ENTRY_BYTES: Final = 64
"""What an entry counts beside its key and value."""


class MemoryEntryNotFound(NotFound):
    """Nothing is remembered under this key."""


class MemoryValueInvalid(Invalid):
    """This can't be remembered: `errors` says why."""


class MemoryChangedMeanwhile(PreconditionFailed):
    """What is remembered has changed since you read it: read it again, then repeat the change with its new ETag."""


def find(db: SharedDb, instance_id: str, key: str) -> MemoryEntry:
    """Return what is remembered under a key. Raises MemoryEntryNotFound."""
    found = _entry(db, instance_id, key)
    if found is None:
        raise MemoryEntryNotFound
    return found


def entries(db: SharedDb, instance_id: str, *, after: str | None, limit: int) -> Sequence[MemoryEntry]:
    """Return what is remembered for an instance, by key; `after` is the key that the page before ended with."""
    query = select(agent_memory).where(agent_memory.c.instance_id == instance_id)
    if after is not None:
        query = query.where(agent_memory.c.key > after)
    return [MemoryEntry.of(row) for row in db.execute(query.order_by(agent_memory.c.key).limit(limit)).mappings()]


def put(
    db: SharedDb, instance_id: str, key: str, value: JsonValue, holds: Callable[[str | None], bool] = lambda _: True
) -> MemoryEntry:
    """Remember a value in place of what there is, if that is in a state that `holds`: a function of its ETag, or None.

    Raises InstanceNotFound, MemoryValueInvalid, MemoryChangedMeanwhile and QuotaExceeded.
    """
    size = len(key) + ENTRY_BYTES + _size(value)
    owner_id = _locked(db, instance_id)
    before = _changing(db, instance_id, key, holds)
    growth = size - (0 if before is None else before.bytes)
    quotas.check_memory(db, owner_id, growth)
    row = {"instance_id": instance_id, "key": key, "value": value, "bytes": size}
    changed = {
        "value": value,
        "bytes": size,
        "row_version": agent_memory.c.row_version + 1,
        "updated_at": func.clock_timestamp(),
    }
    written = (
        insert(agent_memory).values(row).on_conflict_do_update(index_elements=["instance_id", "key"], set_=changed)
    )
    _count(db, instance_id, growth)
    return MemoryEntry.of(db.execute(written.returning(agent_memory)).mappings().one())


def forget(db: SharedDb, instance_id: str, key: str, holds: Callable[[str | None], bool] = lambda _: True) -> None:
    """Forget what is remembered under a key, if anything is, and if that is in a state that `holds`.

    Raises InstanceNotFound and MemoryChangedMeanwhile.
    """
    _locked(db, instance_id)
    before = _changing(db, instance_id, key, holds)
    if before is not None:
        db.execute(delete(agent_memory).where(agent_memory.c.instance_id == instance_id, agent_memory.c.key == key))
        _count(db, instance_id, -before.bytes)


_EMPTY: Final = text(
    "insert into agent_memory_usage as known (instance_id, owner_id) select id, owner_id from instances"
    " where id = :instance_id on conflict (instance_id) do update set bytes = 0"
)


def delete_with(db: SharedDb, instance_id: str) -> None:
    """Delete all that is remembered for an instance whose deletion is recorded in the same transaction."""
    # Whoever writes just now is waited for, and whoever comes later finds the instance deleted.
    db.execute(_EMPTY, {"instance_id": instance_id})
    db.execute(delete(agent_memory).where(agent_memory.c.instance_id == instance_id))


_LOCK: Final = text(
    """
    insert into agent_memory_usage as known (instance_id, owner_id)
    select id, owner_id from instances where id = :instance_id and status <> 'deleted'
    on conflict (instance_id) do update set bytes = known.bytes
    """
)


def _locked(db: SharedDb, instance_id: str) -> str:
    """Return the owner of an instance of which nobody else writes until the transaction ends.

    Raises InstanceNotFound.
    """
    db.execute(_LOCK, {"instance_id": instance_id})
    # Read only now: whoever was waited for may have recorded its deletion.
    owner_id = db.scalar(select(instances.c.owner_id).where(instances.c.id == instance_id, PRESENT))
    if owner_id is None:
        raise InstanceNotFound
    return str(owner_id)


def _changing(db: SharedDb, instance_id: str, key: str, holds: Callable[[str | None], bool]) -> MemoryEntry | None:
    """Return what is there that is about to change. Raises MemoryChangedMeanwhile."""
    before = _entry(db, instance_id, key)
    if not holds(None if before is None else str(before.row_version)):
        raise MemoryChangedMeanwhile
    return before


def _entry(db: SharedDb, instance_id: str, key: str) -> MemoryEntry | None:
    same = (agent_memory.c.instance_id == instance_id, agent_memory.c.key == key)
    row = db.execute(select(agent_memory).where(*same)).mappings().first()
    return None if row is None else MemoryEntry.of(row)


def _count(db: SharedDb, instance_id: str, growth: int) -> None:
    counted = update(agent_memory_usage).where(agent_memory_usage.c.instance_id == instance_id)
    db.execute(counted.values(bytes=agent_memory_usage.c.bytes + growth))


def _size(value: JsonValue) -> int:
    """Return how many bytes a value has as JSON. Raises MemoryValueInvalid for one that can't be kept."""
    wrong = _wrong(value, DEPTH)
    if wrong is not None:
        raise MemoryValueInvalid(errors=[wrong])
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > VALUE_BYTES:
        message = f"As JSON it has {size} bytes, and may have {VALUE_BYTES}."
        raise MemoryValueInvalid(errors=[FieldError("/value", "too_long", message)])
    return size


def _wrong(value: JsonValue, depth: int) -> FieldError | None:
    """Return why a value can't be kept; None for one that can."""
    if isinstance(value, str):
        message = "U+0000 and halves of surrogate pairs can't be kept."
        return None if is_text(value) else FieldError("/value", "unfit_character", message)
    if not isinstance(value, dict | list):
        return None
    if not depth:
        return FieldError("/value", "too_deep", f"It may be nested {DEPTH} levels deep.")
    inside = [*value, *value.values()] if isinstance(value, dict) else value
    return next((wrong for each in inside if (wrong := _wrong(each, depth - 1)) is not None), None)
