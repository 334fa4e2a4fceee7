"""`python -m tools.bench.events`: measure the event path beside its opponents, interleaved, and tell the figures."""

import sys
from collections.abc import Mapping
from typing import Final

from tools.bench.events import (
    backlog,
    dispatching,
    latency,
    publishing,
    reverse,
    takeover,
    writers,
)
from tools.bench.events.rows import RAW, ROWS
from tools.bench.repeated import Part, Run, asked, today
from tools.bench.report import Report
from tools.harness import environment
from tools.harness.environment import BenchEnvironment

REPORT: Final = Report("events", ROWS, RAW)

BENCHES: Final[Mapping[str, Part[BenchEnvironment]]] = {
    "publishing": publishing.once,
    "writers": writers.once,
    "statements": writers.drain,
    "latency": latency.once,
    "dispatching": dispatching.once,
    "reverse": reverse.once,
    "takeover": takeover.once,
    "backlog": backlog.once,
}

ONCE: Final = frozenset({"backlog"})
"""Measured in the last repetition only: a million events take minutes, and their memory doesn't vary."""


def main() -> None:
    """Measure and report."""
    arguments = asked("bench", __doc__, BENCHES, repetitions=5)
    run = Run.of(arguments, BENCHES, once=ONCE, settle=BenchEnvironment.settle, clear=BenchEnvironment.clear)
    with environment.prepared() as made:
        where = f"{today()} {environment.versions(made)}."
        with run.reported(REPORT, where):
            run.measure(made)
    if run.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
