"""What is left of a run: what its processes have logged, what of them runs on, and what was given up."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

import psutil
from sqlalchemy import Connection, text

from tools.chaos.kills.noted import Violation

_ERRORS: Final = ("error", "critical")

_DEAD: Final = text(
    """
    select concat_ws(' ', queue, type, subject, reason, detail) from dead_letters where resolution is null
    union all
    select concat_ws(' ', 'parked', type, subject, reason, detail) from parked_events where resolution is null
    """
)


def bugs(logs: Iterable[tuple[str, str]]) -> Iterator[Violation]:
    """Yield the errors that processes have logged, given their names and what each has logged."""
    for name, log in logs:
        for line in log.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            told = str(entry.get("exception", "")).strip().rpartition("\n")[2]
            # Celery calls it an error that Redis is away; anybody else calls that a warning.
            is_outage = entry.get("logger", "").startswith("celery.") and (
                not told or told.startswith("redis.exceptions.")
            )
            if entry.get("level") in _ERRORS and not is_outage:
                yield Violation("orderly", name, f"{entry['time']} {entry['message']} {told}".strip())


def left_behind(processes: Iterable[psutil.Process]) -> list[str]:
    """Return those that still run, and what they are."""
    found = []
    for process in processes:
        with suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} in {process.cwd()}")
    return found


def given_up(db: Connection) -> list[str]:
    """Return the dead letters and parked events that are open."""
    return list(db.scalars(_DEAD))
