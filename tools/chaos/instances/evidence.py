"""Evidence: what is so at the end, read from databases, processes and folders."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import psutil
from sqlalchemy import Connection, select, text

from events import subscriptions
from events.catalog.instances import InstanceChanged, InstanceDesiredStateChanged, InstanceStatusChanged
from events.tables import inbox
from functions.domain.audit.tables import audit_entries
from functions.drivers import registry
from migrations.databases import connect
from shared_psql_models.agents import version_deployments
from shared_psql_models.instances import Instance, InstanceEvent, instance_events, instance_specs, instances
from tools.chaos.instances.told import Promised
from tools.chaos.kills import remains
from tools.chaos.kills.noted import Violation
from tools.chaos.kills.platform import Platform, folder_of

TYPES: Final = {
    "desired_state": InstanceDesiredStateChanged.type,
    "generation": InstanceChanged.type,
    "status": InstanceStatusChanged.type,
}
"""By the kind of a row of the history: the type of the event that says it."""

_UNSETTLED: Final = text(
    """
    select count(*) from instances
    where deadline_at is not null or attempts > 0 or status <> desired_state
      or (status = 'running' and generation is distinct from observed_generation)
    """
)


@dataclass(frozen=True)
class Agents:
    """Agents that are awake, by the prefixes that they were told to answer with."""

    folders: frozenset[str]
    """Those that have a folder."""
    processes: frozenset[str]
    """Those that have a process."""


NOBODY: Final = Agents(frozenset(), frozenset())


@dataclass
class Evidence:
    """What is so at the end of a run."""

    promised: list[Promised]
    rows: list[Instance]
    history: list[InstanceEvent]
    handled: Counter[tuple[str, str]]
    """By subscriber and event."""
    audited: Counter[str]
    """By event."""
    dead: list[str]
    """Dead letters and parked events that are open."""
    specs: set[tuple[str, int]]
    """Instances and the generations that are kept of them."""
    used: dict[str, int]
    """By account: how many instances it is told to have."""
    silent: list[str]
    """Running instances that didn't answer."""
    asleep: Agents = NOBODY
    """Who was awake when nobody had asked anything for a while."""
    awake: Agents = NOBODY
    """Who was awake when each running instance had been asked something."""
    left: list[str] = field(default_factory=list)
    """Processes that agent hosts which were killed have left running."""
    deployed: list[str] = field(default_factory=list)
    """Versions that are deployed as images."""
    noted: list[Violation] = field(default_factory=list)
    """What went wrong on the way."""


@cache
def subscribers(kind: str) -> list[str]:
    """Return the functions, by their handlers' names, that a row of the history of this kind is said to."""
    queues = subscriptions.queues_for(TYPES[kind])
    return [each.function.replace("-", "_") for each in subscriptions.read() if each.queue in queues]


def settled() -> bool:
    """Return whether every instance is what is wanted of it, and every event of a history was handled."""
    with connect("shared_psql", "migrator").begin() as db:
        if db.scalar(_UNSETTLED):
            return False
        history, handled = _history(db), _handled(db)
    return all((name, event.id) in handled for event in history for name in subscribers(event.kind))


def collect(promised: list[Promised], used: dict[str, int], silent: list[str]) -> Evidence:
    """Read what the databases have, and what is deployed."""
    of_events = audit_entries.c.origin == "event"
    with connect("shared_psql", "migrator").begin() as db:
        return Evidence(
            promised,
            [Instance.of(row) for row in db.execute(select(instances)).mappings()],
            _history(db),
            _handled(db),
            Counter(db.scalars(select(audit_entries.c.details["event_id"].as_string()).where(of_events))),
            remains.given_up(db),
            {(row.instance_id, row.generation) for row in db.execute(select(instance_specs))},
            used,
            silent,
            deployed=[
                *db.scalars(select(version_deployments.c.version_id)),
                *(each.version_id for each in registry.from_settings().inventory()),
            ],
        )


def _history(db: Connection) -> list[InstanceEvent]:
    ordered = select(instance_events).order_by(instance_events.c.instance_id, instance_events.c.sequence)
    return [InstanceEvent.of(row) for row in db.execute(ordered).mappings()]


def _handled(db: Connection) -> Counter[tuple[str, str]]:
    return Counter((row.subscriber, row.id) for row in db.execute(select(inbox.c.subscriber, inbox.c.id)))


def agents(platform: Platform) -> Agents:
    """Return who is awake; who was forked ahead and waits for an instance isn't."""
    homes = {home: _prefix(home) for home in platform.agents.glob("*/*") if home.name != "zygote"}
    working = {place for place in _places(platform) if not place.endswith("/zygote")}
    waiting = _waiting({*homes, *map(Path, working)})
    known = {str(home): prefix for home, prefix in homes.items()}
    return Agents(
        frozenset(prefix for home, prefix in homes.items() if home not in waiting),
        frozenset(known.get(place, place) for place in working - {str(home) for home in waiting}),
    )


def _waiting(homes: Iterable[Path]) -> set[Path]:
    """Return who has been told no config: of each version there may be one, and where there are more some are left."""
    untold: dict[Path, list[Path]] = defaultdict(list)
    for home in homes:
        if not (home / "config.json").exists():
            untold[home.parent].append(home)
    return {home for found in untold.values() if len(found) == 1 for home in found}


def _places(platform: Platform) -> Iterator[str]:
    for process in psutil.process_iter():
        place = folder_of(process, platform.agents)
        if place is not None:
            yield place


def _prefix(home: Path) -> str:
    try:
        return str(json.loads((home / "config.json").read_text(encoding="utf-8"))["prefix"])
    except (OSError, ValueError, KeyError):
        return str(home)
