"""Reading the logs of instances."""

from dataclasses import dataclass

from sqlalchemy import Select, select

from functions.domain.databases import SharedDb
from shared_psql_models.instance_logs import Level, LogLine, instance_log_usage, instance_logs


@dataclass(frozen=True)
class Filter:
    """Which lines; None stands for any."""

    level: Level | None = None
    """The least serious."""
    message_id: str | None = None


def newest(db: SharedDb, instance_id: str, wanted: Filter, *, before: int | None, limit: int) -> list[LogLine]:
    """Return lines, the newest first; `before` is the number that the page before ended with."""
    query = _of(instance_id, wanted).order_by(instance_logs.c.sequence.desc()).limit(limit)
    if before is not None:
        query = query.where(instance_logs.c.sequence < before)
    return [LogLine.of(row) for row in db.execute(query).mappings()]


def before_newest(db: SharedDb, instance_id: str, wanted: Filter, *, limit: int) -> int:
    """Return the number after which there are so many lines, or all if there are fewer."""
    lines = newest(db, instance_id, wanted, before=None, limit=limit)
    return lines[-1].sequence - 1 if lines else _last(db, instance_id)


def following(db: SharedDb, instance_id: str, wanted: Filter, *, after: int, limit: int) -> tuple[int, list[LogLine]]:
    """Return lines with higher numbers than `after`, in their order, and the number up to which they are all."""
    # Read before the lines: what is numbered later is not passed over.
    last = _last(db, instance_id)
    if last <= after:
        return after, []
    query = _of(instance_id, wanted).where(instance_logs.c.sequence > after, instance_logs.c.sequence <= last)
    found = db.execute(query.order_by(instance_logs.c.sequence).limit(limit)).mappings()
    lines = [LogLine.of(row) for row in found]
    return lines[-1].sequence if len(lines) == limit else last, lines


def _last(db: SharedDb, instance_id: str) -> int:
    """Return the number of an instance's last line."""
    query = select(instance_log_usage.c.sequence).where(instance_log_usage.c.instance_id == instance_id)
    return int(db.scalar(query) or 0)


def _of(instance_id: str, wanted: Filter) -> Select[tuple[object, ...]]:
    query = select(instance_logs).where(instance_logs.c.instance_id == instance_id)
    if wanted.level is not None:
        query = query.where(instance_logs.c.level.in_(wanted.level.and_above))
    if wanted.message_id is not None:
        query = query.where(instance_logs.c.message_id == wanted.message_id)
    return query
