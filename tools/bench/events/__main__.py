"""`python -m tools.bench.events`: measure the event path beside its opponents, interleaved, and tell the figures.

A run that is interrupted, or a measurement that fails, loses nothing of what was measured before.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pika.exceptions import AMQPError

from core.postgres.errors import Error
from provisioning.local_settings import ROOT
from tools.bench.events import (
    backlog,
    dispatching,
    latency,
    publishing,
    report,
    reverse,
    takeover,
    writers,
)
from tools.bench.events.rows import Sample
from tools.harness import environment
from tools.harness.environment import BenchEnvironment

FOLDER: Final = ROOT / "docs" / "performance"

BENCHES: Final[Mapping[str, Callable[[BenchEnvironment, float], Sample]]] = {
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
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--size", type=float, default=1.0, help="a tenth is enough to see whether it works")
    parser.add_argument("--only", action="append", choices=BENCHES, help="one of the measurements; may be repeated")
    parser.add_argument("--save", action="store_true", help="write the figures to docs/performance")
    arguments = parser.parse_args()
    with environment.prepared() as made:
        where = f"{datetime.now(UTC):%Y-%m-%d}, {environment.machine()}. {environment.versions(made)}."
        run = Run(arguments.only or list(BENCHES), arguments.repetitions, arguments.size)
        try:
            run.measure(made)
        except (KeyboardInterrupt, SystemExit):
            run.failed.append("what came after the interruption")
            raise
        finally:
            where += f" Load {environment.load()} at the end."
            where += f" Missing: {', '.join(run.failed)}." if run.failed else ""
            if any(run.samples):
                say(f"\n{report.table(run.samples)}\n\n{where}\n" + "\n".join(report.raw(run.samples)))
                if arguments.save:
                    save(FOLDER, run.samples, where)
    if run.failed:
        sys.exit(1)


@dataclass
class Run:
    """What is measured how often, and what came of it."""

    names: list[str]
    repetitions: int
    size: float
    samples: list[dict[str, float | list[float]]] = field(default_factory=list)
    """One for each repetition."""
    failed: list[str] = field(default_factory=list)

    def measure(self, made: BenchEnvironment) -> None:
        """Measure everything in turn, again and again."""
        started = time.monotonic()
        for repetition in range(1, self.repetitions + 1):
            self.samples.append({})
            for name in self.names:
                if name not in ONCE or repetition == self.repetitions:
                    told = self._once(made, name, f"{name} {repetition}")
                    minutes = (time.monotonic() - started) / 60
                    say(f"{repetition}/{self.repetitions} {name}: {told} (minute {minutes:.1f})")

    def _once(self, made: BenchEnvironment, name: str, title: str) -> str:
        try:
            made.settle()
            taken = BENCHES[name](made, self.size)
        except (AMQPError, Error, OSError, RuntimeError) as error:
            self.failed.append(title)
            made.clear()
            return f"FAILED, {error!r}"
        self.samples[-1] |= taken
        return ", ".join(f"{key} {_told(value)}" for key, value in taken.items())


def save(folder: Path, samples: list[dict[str, float | list[float]]], where: str) -> None:
    """Write the page's table and the raw figures."""
    report.write_page(folder / "events.md", samples, where)
    (folder / "events.json").write_text(json.dumps({"where": where, "samples": samples}, indent=1) + "\n")


def _told(value: float | list[float]) -> str:
    return ", ".join(map(report.number, value)) if isinstance(value, list) else report.number(value)


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
