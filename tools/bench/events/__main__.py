"""`python -m tools.bench.events`: measure the event path beside its opponents, interleaved, and tell the figures."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
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
from tools.bench.repeated import Part, Run, parser
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
    reads = parser("bench", __doc__, BENCHES, repetitions=5)
    reads.add_argument("--save", action="store_true", help="write the figures to docs/performance")
    arguments = reads.parse_args()
    run = Run(
        parts={name: part for name, part in BENCHES.items() if name in (arguments.only or BENCHES)},
        once=ONCE,
        repetitions=arguments.repetitions,
        size=arguments.size,
        settle=BenchEnvironment.settle,
        clear=BenchEnvironment.clear,
    )

    def save(where: str) -> None:
        if arguments.save:
            REPORT.save(run.samples, where)

    with environment.prepared() as made:
        where = f"{datetime.now(UTC):%Y-%m-%d}, {environment.machine()}. {environment.versions(made)}."
        with run.reported(REPORT, where, save):
            run.measure(made)
    if run.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
