"""`python -m tools.bench.runs`: measure runs beside a bare functions-framework process, and tell the figures."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from tools.bench.repeated import Part, Run, parser
from tools.bench.report import Report
from tools.bench.runs import first, load
from tools.bench.runs.environment import RunsEnvironment, prepared
from tools.bench.runs.rows import RAW, ROWS
from tools.harness import environment

REPORT: Final = Report("runs", ROWS, RAW)

PARTS: Final[Mapping[str, Part[RunsEnvironment]]] = {
    "first": first.once,
    "rate": load.rate,
    "streams": load.streams,
    "chunks": load.chunks,
}

ONCE: Final = frozenset({"streams"})
"""Measured in the last repetition only: memory that was taken once stays taken."""


def main() -> None:
    """Measure and report."""
    reads = parser("bench-runs", __doc__, PARTS, repetitions=3)
    reads.add_argument("--save", action="store_true", help="write the figures to docs/performance")
    arguments = reads.parse_args()
    run = Run(
        parts={name: part for name, part in PARTS.items() if name in (arguments.only or PARTS)},
        once=ONCE,
        repetitions=arguments.repetitions,
        size=arguments.size,
        settle=RunsEnvironment.settle,
        clear=RunsEnvironment.wait_ended,
    )
    begun = f"{datetime.now(UTC):%Y-%m-%d}, {environment.machine()}. Load {environment.load()} before anything began."
    with prepared() as made:

        def save(where: str) -> None:
            if arguments.save:
                REPORT.save(run.samples, where)

        with run.reported(REPORT, begun, save):
            run.measure(made)
    if run.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
