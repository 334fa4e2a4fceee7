"""The platform's figures, of which none takes longer to read the more rows there are.

How many instances, accounts, versions and ended runs there are is counted by triggers as it changes; of what waits is
counted up to a limit, by indexes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, text

from functions.domain.databases import SharedDb, UserDb
from shared_psql_models.runs import ENDED, RunStatus
from shared_psql_models.statuses import DesiredState, Status, VersionStatus

LIMIT: Final = 10_000
"""How far is counted what waits: so many stand for that many at least."""

ACCOUNT_STATES: Final = ("active", "unverified", "suspended", "deleted")

# What is pending is folded into the sums by whoever writes, every now and then: both together are the number.
_COUNTS: Final = text(
    """
    select counter, sum(value) as value from (
      select counter, value from counts where counter = any(:names)
      union all
      select counter, value from counts_pending where counter = any(:names)
    ) as parts group by counter
    """
)

_TODAY: Final = text("select (now() at time zone 'utc')::date")

_OPEN: Final = text(
    """
    select status, count(*) as number, min(created_at) as oldest from (
      select status, created_at from runs where status in ('queued', 'running', 'input_required') limit :most
    ) as few group by status
    """
)

_DUE: Final = text(
    """
    select count(*) as number, extract(epoch from now() - min(due_at))::float8 as oldest from (
      select due_at from instances
      where status <> 'deleted' and due_at <= now() and (lease_expires_at is null or lease_expires_at < now())
      order by due_at limit :most
    ) as few
    """
)

_ENGAGED: Final = text("select count(*) from (select from kill_switches where released_at is null limit :most) as few")


@dataclass(frozen=True)
class RunFigures:
    """Figures of runs."""

    open: dict[str, int]
    """By status, up to LIMIT in all."""
    ended_today: dict[str, int]
    """By status."""
    oldest_waiting_seconds: float | None
    """Of those that are queued."""
    spent_today: Decimal
    """What the agents of those that ended today have reported to have cost."""


@dataclass(frozen=True)
class Due:
    """Instances that a worker should look at."""

    count: int
    """Up to LIMIT."""
    oldest_seconds: float | None


def accounts(db: UserDb) -> dict[str, int]:
    """Return how many accounts there are in each state."""
    return _counted(db, "accounts", ACCOUNT_STATES)


def instances(db: SharedDb) -> dict[str, int]:
    """Return how many instances have each status, but for deleted ones."""
    return _counted(db, "instances.status", [each for each in Status if each != Status.DELETED])


def wanted_instances(db: SharedDb) -> dict[str, int]:
    """Return of how many instances each state is desired that isn't their end."""
    return _counted(db, "instances.desired", (DesiredState.RUNNING, DesiredState.STOPPED))


def versions(db: SharedDb) -> dict[str, int]:
    """Return how many versions of agents have each status."""
    return _counted(db, "versions", VersionStatus)


def runs(db: SharedDb) -> RunFigures:
    """Return how many runs there are that haven't ended, and that have ended today (UTC)."""
    today: date = db.execute(_TODAY).scalar_one()
    waiting = db.execute(_OPEN, {"most": LIMIT}).all()
    queued = next((row for row in waiting if row.status == RunStatus.QUEUED), None)
    ended = _counted(db, f"runs.{today}", sorted(ENDED))
    spent = db.execute(_COUNTS, {"names": [f"cost.{today}"]}).first()
    now = db.execute(text("select now()")).scalar_one()
    oldest = None if queued is None else (now - queued.oldest).total_seconds()
    return RunFigures(
        open={status: 0 for status in RunStatus if status not in ENDED} | {row.status: row.number for row in waiting},
        ended_today=ended,
        oldest_waiting_seconds=oldest,
        spent_today=Decimal(0) if spent is None else Decimal(spent.value),
    )


def due(db: SharedDb) -> Due:
    """Return how many instances wait for a worker, and for how long the oldest has."""
    row = db.execute(_DUE, {"most": LIMIT}).one()
    return Due(int(row.number), row.oldest)


def engaged_kill_switches(db: SharedDb) -> int:
    """Return how many kill switches are engaged, suspensions among them; up to LIMIT."""
    return int(db.scalar(_ENGAGED, {"most": LIMIT}) or 0)


def _counted(db: Connection, prefix: str, names: Iterable[str]) -> dict[str, int]:
    counters = {f"{prefix}.{name}": str(name) for name in names}
    found = {row.counter: int(row.value) for row in db.execute(_COUNTS, {"names": list(counters)})}
    return {name: found.get(counter, 0) for counter, name in counters.items()}
