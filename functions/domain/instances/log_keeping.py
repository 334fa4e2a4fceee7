"""Keeping what agents write, within what an instance and its owner may have."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import delete, insert, select, text, update

from core.configuration import setting
from functions.domain.databases import SharedDb
from functions.domain.instances import quotas
from functions.domain.instances.log_batches import Batch, InstanceLines, Line
from functions.domain.instances.reading import PRESENT
from shared_psql_models.instance_logs import Cap, Level, Stream, instance_log_usage, instance_logs
from shared_psql_models.instances import instances
from shared_psql_models.tables import Record

DAY_SETTING: Final = "INSTANCE_LOG_DAY_BYTES"
"""How much of what one instance writes in a day is kept."""

DAY_BYTES: Final = 16 * 1024 * 1024

SETTINGS: Final = (DAY_SETTING, quotas.LOG_SETTING)
"""Those that say how much is kept."""

LINE_BYTES: Final = 64
"""What a line counts beside its text. The function in the database that forgets lines has the same number."""

AT_ONCE: Final = 20_000
"""Lines of an instance that are deleted with it. If there are more, the pruning takes the rest."""


class _Counted(Record):
    """A row of `instance_log_usage`, locked."""

    instance_id: str
    owner_id: str
    sequence: int
    bytes: int
    day_bytes: int
    capped: Cap | None
    dropped: int


@dataclass
class _Room:
    """How much more may be kept of an owner's instances."""

    account: int
    account_limit: int
    day_limit: int


def keep(db: SharedDb, source: str, batch: Batch) -> None:
    """Keep the lines of a batch, unless it was taken before; drop those of instances that are not there any more.

    Who keeps lines of one instance, or deletes it, takes turns with others by the row that counts its lines.
    """
    if not _is_new(db, source, batch.number):
        return
    told = _by_instance(batch.logs)
    counted = _locked(db, told)
    # Only what is read now is certain: an instance may have been deleted before its row was locked.
    present = set(db.scalars(select(instances.c.id).where(instances.c.id.in_(counted), PRESENT)))
    rooms = {owner: _room(db, owner) for owner in sorted({counted[each].owner_id for each in present})}
    rows: list[dict[str, object]] = []
    for instance_id in sorted(present):
        before = counted[instance_id]
        after, kept = _within(before, told[instance_id], rooms[before.owner_id])
        rows += kept
        changed = after.model_dump(include={"sequence", "bytes", "day_bytes", "capped", "dropped"})
        db.execute(update(instance_log_usage).where(instance_log_usage.c.instance_id == instance_id).values(**changed))
    if rows:
        db.execute(insert(instance_logs), rows)


_TAKE: Final = text(
    "insert into agent_log_sources as known (source, batch) values (:source, :batch)"
    " on conflict (source) do update set batch = excluded.batch, received = now()"
    " where known.batch < excluded.batch returning 1"
)


def _is_new(db: SharedDb, source: str, number: int) -> bool:
    return db.execute(_TAKE, {"source": source, "batch": number}).first() is not None


def _by_instance(logs: Sequence[InstanceLines]) -> dict[str, list[Line]]:
    lines: dict[str, list[Line]] = {}
    for each in logs:
        lines.setdefault(each.instance_id, []).extend(each.lines)
    return lines


# A day that has passed begins the count anew.
_LOCK: Final = text(
    """
    insert into instance_log_usage as known (instance_id, owner_id, day)
    select id, owner_id, :today from instances where id = any (:instance_ids) and status <> 'deleted' order by id
    on conflict (instance_id) do update
    set day = excluded.day, day_bytes = case when known.day = excluded.day then known.day_bytes else 0 end
    returning instance_id, owner_id, sequence, bytes, day_bytes, capped, dropped
    """
)


def _locked(db: SharedDb, instance_ids: Collection[str]) -> dict[str, _Counted]:
    """Lock the rows that count the lines of these instances, in the order of their ids, and return them."""
    told = {"instance_ids": list(instance_ids), "today": datetime.now(UTC).date()}
    found = [_Counted.of(row) for row in db.execute(_LOCK, told).mappings()]
    return {each.instance_id: each for each in found}


def _room(db: SharedDb, owner_id: str) -> _Room:
    usage = quotas.log_bytes(db, owner_id)
    return _Room(usage.limit - usage.used, usage.limit, int(setting(DAY_SETTING, "") or DAY_BYTES))


def _within(counted: _Counted, lines: Sequence[Line], room: _Room) -> tuple[_Counted, list[dict[str, object]]]:
    """Return how an instance's lines are counted after these, and the rows of those that are kept.

    What is beyond a cap is dropped, which the log says when it begins and when it ends.
    """
    rows: list[dict[str, object]] = []

    def add(line: Line) -> None:
        nonlocal counted
        size = _size(line)
        room.account -= size
        sums = {"bytes": counted.bytes + size, "day_bytes": counted.day_bytes + size}
        counted = counted.model_copy(update={"sequence": counted.sequence + 1, **sums})
        rows.append({"instance_id": counted.instance_id, "sequence": counted.sequence, **line.model_dump()})

    for line in lines:
        cap = _cap(counted, _size(line), room)
        if cap is None:
            if counted.dropped:
                add(_platform(line.at, f"{counted.dropped} lines were dropped."))
                counted = counted.model_copy(update={"capped": None, "dropped": 0})
            add(line)
        else:
            if counted.capped != cap:
                add(_platform(line.at, _CAPPED[cap].format(room=room)))
            counted = counted.model_copy(update={"capped": cap, "dropped": counted.dropped + 1})
    return counted, rows


_CAPPED: Final = {
    Cap.DAY: "Lines are dropped from here on, until tomorrow (UTC): {room.day_limit} bytes are kept of a day.",
    Cap.ACCOUNT: "Lines are dropped from here on: the logs of your instances have the {room.account_limit} bytes that "
    "your account may have. There is room when old lines are forgotten, or an instance is deleted.",
}


def _cap(counted: _Counted, size: int, room: _Room) -> Cap | None:
    if counted.day_bytes + size > room.day_limit:
        return Cap.DAY
    return Cap.ACCOUNT if size > room.account else None


def _size(line: Line) -> int:
    return len(line.text.encode()) + LINE_BYTES


def _platform(at: datetime, words: str) -> Line:
    return Line(at=at, stream=Stream.PLATFORM, level=Level.WARNING, text=words)


_EMPTY: Final = text(
    """
    insert into instance_log_usage as known (instance_id, owner_id, day)
    select id, owner_id, current_date from instances where id = :instance_id
    on conflict (instance_id) do update set bytes = 0
    """
)


def delete_with(db: SharedDb, instance_id: str) -> None:
    """Delete the lines of an instance whose deletion is recorded in the same transaction."""
    # Whoever keeps lines just now is waited for, and whoever comes later finds the instance deleted.
    db.execute(_EMPTY, {"instance_id": instance_id})
    of_it = select(instance_logs.c.sequence).where(instance_logs.c.instance_id == instance_id).limit(AT_ONCE)
    db.execute(
        delete(instance_logs).where(
            instance_logs.c.instance_id == instance_id, instance_logs.c.sequence.in_(of_it.scalar_subquery())
        )
    )
