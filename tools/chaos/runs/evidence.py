"""Evidence: what is so at the end, read from the database."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, select, text

from events.catalog.runs import RunStatusChanged
from functions.domain.audit.tables import audit_entries
from shared_psql_models.runs import Run, RunEvent, run_events, runs
from tools.chaos.kills import remains
from tools.chaos.kills.noted import Violation
from tools.chaos.kills.platform import Window
from tools.chaos.runs.ledger import Call
from tools.chaos.runs.life import Life


@dataclass
class Evidence:
    """What is so at the end."""

    lives: list[Life]
    rows: dict[str, Run]
    """By their ids."""
    events: dict[str, list[RunEvent]]
    """Of each run, in their order."""
    calls: dict[str, list[Call]]
    """By the key of a run: what the agent says of its calls."""
    audited: Counter[str]
    """By run: statuses that are in the audit trail."""
    windows: list[Window]
    """When who was away."""
    dead: list[str]
    """Dead letters and parked events that are open."""
    noted: list[Violation] = field(default_factory=list)
    """What went wrong on the way."""


_UNSETTLED: Final = text(
    """
    select exists (select from runs where ended_at is null or lease_owner is not null)
      or (select count(*) from run_events where type = 'status')
        <> (select count(*) from audit_entries where action = :type)
    """
)


def settled(db: Connection) -> bool:
    """Return whether every run has ended, and every status is audited."""
    return not db.scalar(_UNSETTLED, {"type": RunStatusChanged.type})


def collect(db: Connection, lives: list[Life], calls: list[Call], windows: list[Window]) -> Evidence:
    """Read what the database has of these runs, and what was given up."""
    by_key: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_key[call.key].append(call)
    events: dict[str, list[RunEvent]] = defaultdict(list)
    ordered = select(run_events).order_by(run_events.c.run_id, run_events.c.sequence)
    ids = [each for life in lives for each in life.ids]
    instances = select(runs.c.instance_id).where(runs.c.id.in_(ids))
    of_these = select(runs).where(runs.c.instance_id.in_(instances))
    rows = {row["id"]: Run.of(row) for row in db.execute(of_these).mappings()}
    for row in db.execute(ordered.where(run_events.c.run_id.in_(list(rows)))).mappings():
        events[row["run_id"]].append(RunEvent.of(row))
    told = select(audit_entries.c.targets[1]).where(audit_entries.c.action == RunStatusChanged.type)
    return Evidence(lives, rows, events, by_key, Counter(db.scalars(told)), windows, remains.given_up(db))
