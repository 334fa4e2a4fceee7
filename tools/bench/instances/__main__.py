"""`python -m tools.bench.instances`: measure instances beside a bare functions-framework, and tell the figures."""

import sys
from collections.abc import Mapping
from typing import Final

from tools.bench.instances import creating, reading, resting, waking
from tools.bench.instances.environment import InstancesEnvironment, prepared
from tools.bench.instances.rows import RAW, ROWS
from tools.bench.repeated import Part, Run, asked, today
from tools.bench.report import Report
from tools.harness import environment

REPORT: Final = Report("instances", ROWS, RAW)

PARTS: Final[Mapping[str, Part[InstancesEnvironment]]] = {
    "create": creating.once,
    "wake": waking.once,
    "awake": waking.awake,
    "rate": waking.rate,
    "read": reading.once,
    "rest": resting.once,
}

ONCE: Final = frozenset({"rest"})
"""Measured in the last repetition only: it takes a minute in which nothing else may happen."""

LARGE: Final = frozenset({"read", "rest"})
"""What it matters to how many instances rest; the others are content with a thousand."""


def main() -> None:
    """Measure and report."""
    arguments = asked("bench-instances", __doc__, PARTS, repetitions=3)
    run = Run.of(
        arguments, PARTS, once=ONCE, settle=InstancesEnvironment.settle, clear=InstancesEnvironment.wait_asleep
    )
    begun = f"{today()} Load {environment.load()} before anything began."
    with prepared(100_000 if LARGE & run.parts.keys() else 1_000) as made:

        def save(where: str) -> None:
            more = reading.answers(made.plans, run.samples)
            REPORT.save(run.samples, where, more=more, beside={"plans": made.plans})

        with run.reported(REPORT, begun, save):
            run.measure(made)
    if run.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
