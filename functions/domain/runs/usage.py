"""What runs have used: added up per owner, day and instance as they end, and read by their owners."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import RowMapping, text

from core.configuration import setting
from functions.domain.databases import SharedDb

DAYS_SETTING: Final = "RUN_USAGE_DAYS"
"""For how many days it is kept what runs have used."""

DAYS: Final = 400

INSTANCES: Final = 1000
"""Instances that are told apart, at most: those with most runs."""


@dataclass(frozen=True)
class Used:
    """What some runs have used."""

    runs: int
    """That have ended, and whose agent was called."""
    wall_ms: int
    processor_ms: int
    cost: Decimal
    reported: dict[str, int | float]
    """Sums of the other numbers that agents report, by their names."""
    day: date | None = None
    instance_id: str | None = None


@dataclass(frozen=True)
class UsedByRuns:
    """What the runs of an account have used from one day to another, in UTC."""

    first_day: date
    last_day: date
    total: Used
    days: list[Used]
    """Those on which a run ended, in order."""
    instances: list[Used]
    """Those whose runs have ended, with the most first."""


_ADD: Final = text(
    """
    insert into run_usage as known (owner_id, day, instance_id, runs, wall_ms, processor_ms, cost, reported)
    select owner_id, (ended_at at time zone 'utc')::date, instance_id, 1, wall_ms, processor_ms,
      reported_cost(usage), added_numbers('{}', usage - 'cost')
    from runs where id = :run_id and ended_at is not null and attempt > 0
    on conflict (owner_id, day, instance_id) do update
    set runs = known.runs + 1, wall_ms = known.wall_ms + excluded.wall_ms,
      processor_ms = known.processor_ms + excluded.processor_ms, cost = known.cost + excluded.cost,
      reported = added_numbers(known.reported, excluded.reported)
    """
)


def add(db: SharedDb, run_id: str) -> None:
    """Add what a run has used that has just ended; one whose agent was never called has used nothing."""
    db.execute(_ADD, {"run_id": run_id})


_COUNT: Final = text(
    """
    update runs set usage = coalesce((
      select jsonb_object_agg(name, total) from (
        select key as name, case when key = 'cost' then to_jsonb(trim_scale(sum(reported_cost(data)))::text)
          else to_jsonb(sum((value #>> '{}')::numeric) filter (where jsonb_typeof(value) = 'number')) end as total
        from run_events cross join lateral jsonb_each(data)
        where run_id = runs.id and run_events.type = 'usage' and (key = 'cost' or jsonb_typeof(value) = 'number')
        group by key
      ) as sums), '{}')
    where id = :run_id and attempt > 0
    """
)


def count(db: SharedDb, run_id: str) -> None:
    """Write into a run's row what its agent has reported in all attempts, where no runner is there to tell."""
    db.execute(_COUNT, {"run_id": run_id})


_SUMS: Final = text(
    """
    select day, instance_id, sum(runs)::bigint as runs, sum(wall_ms)::bigint as wall_ms,
      sum(processor_ms)::bigint as processor_ms, trim_scale(sum(cost)) as cost
    from run_usage where owner_id = :owner_id and day between :first and :last
      and (cast(:instance_id as text) is null or instance_id = :instance_id)
    group by grouping sets ((day), (instance_id), ())
    """
)

_REPORTED: Final = text(
    """
    select day, instance_id, key, sum(value::numeric) as total
    from run_usage cross join lateral jsonb_each(reported)
    where owner_id = :owner_id and day between :first and :last
      and (cast(:instance_id as text) is null or instance_id = :instance_id)
    group by grouping sets ((day, key), (instance_id, key), (key))
    """
)


def used(db: SharedDb, owner_id: str, first: date, last: date, *, instance_id: str | None = None) -> UsedByRuns:
    """Return what the runs of an account have used that ended on these days; of one instance, or of all."""
    asked = {"owner_id": owner_id, "first": first, "last": last, "instance_id": instance_id}
    reported: dict[tuple[date | None, str | None], dict[str, int | float]] = {}
    for row in db.execute(_REPORTED, asked):
        reported.setdefault((row.day, row.instance_id), {})[row.key] = _number(row.total)
    sums = [_used(row, reported.get((row["day"], row["instance_id"]), {})) for row in _found(db, asked)]
    of_days = sorted((each for each in sums if each.day), key=lambda each: str(each.day))
    of_instances = sorted((each for each in sums if each.instance_id), key=lambda each: (-each.runs, each.instance_id))
    [total] = (each for each in sums if each.day is None and each.instance_id is None)
    return UsedByRuns(first, last, total, of_days, of_instances[:INSTANCES])


def _found(db: SharedDb, asked: dict[str, object]) -> list[RowMapping]:
    return list(db.execute(_SUMS, asked).mappings())


def _used(row: RowMapping, reported: dict[str, int | float]) -> Used:
    counted = {name: row[name] or 0 for name in ("runs", "wall_ms", "processor_ms")}
    return Used(
        **counted,
        cost=row["cost"] or Decimal(0),
        reported=dict(sorted(reported.items())),
        day=row["day"],
        instance_id=row["instance_id"],
    )


def _number(total: Decimal) -> int | float:
    return int(total) if total == total.to_integral_value() else float(total)


def today() -> date:
    """Return the day that it is in UTC."""
    return datetime.now(UTC).date()


def forget(db: SharedDb, most: int) -> int:
    """Forget up to so many sums that are too old; return how many."""
    told = {"most": most, "days": int(setting(DAYS_SETTING, "") or DAYS)}
    return int(db.scalar(text("select forget_run_usage(:most, :days)"), told) or 0)
