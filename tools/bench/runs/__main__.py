"""`python -m tools.bench.runs`: measure runs beside a bare functions-framework process, and tell the figures."""

import sys
from collections.abc import Mapping
from typing import Final

from tools.bench.repeated import Part, Run, asked, today
from tools.bench.report import Report
from tools.bench.runs import first, load, pool
from tools.bench.runs.environment import RunsEnvironment, prepared
from tools.bench.runs.rows import RAW, ROWS
from tools.harness import environment

REPORT: Final = Report("runs", ROWS, RAW)

PARTS: Final[Mapping[str, Part[RunsEnvironment]]] = {
    "first": first.once,
    "rate": load.rate,
    "streams": load.streams,
    "chunks": load.chunks,
    "pool": pool.once,
}

ONCE: Final = frozenset({"streams", "chunks", "pool"})
"""Measured in the last repetition only: memory that was taken once stays taken, and all of it has to be over soon."""


def main() -> None:
    """Measure and report."""
    arguments = asked("bench-runs", __doc__, PARTS, repetitions=3)
    run = Run.of(arguments, PARTS, once=ONCE, settle=RunsEnvironment.settle, clear=RunsEnvironment.wait_ended)
    begun = f"{today()} Load {environment.load()} before anything began."
    with prepared() as made, run.reported(REPORT, begun):
        run.measure(made)
    if run.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
