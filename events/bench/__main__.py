"""`python -m events.bench`: measure the event path beside its opponents, interleaved, and tell the figures."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from events.bench import backlog, dispatching, ground, latency, plot, publishing, report, reverse, takeover, writers
from events.bench.ground import Ground
from events.bench.rows import Sample
from functions.local.settings import ROOT

FOLDER: Final = ROOT / "docs" / "performance"

BENCHES: Final[Mapping[str, Callable[[Ground, float], Sample]]] = {
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
    parser.add_argument("--save", action="store_true", help="write the figures and the picture to docs/performance")
    arguments = parser.parse_args()
    with ground.prepared() as made:
        where = f"{datetime.now(UTC):%Y-%m-%d}, {ground.machine()}. {ground.versions(made)}."
        samples = measure(made, arguments.only or list(BENCHES), arguments.repetitions, arguments.size)
    where += f" Load {ground.load()} at the end."
    say(f"\n{report.table(samples)}\n\n{where}\n" + "\n".join(report.raw(samples)))
    if arguments.save:
        save(FOLDER, samples, where)


def measure(made: Ground, names: list[str], repetitions: int, size: float) -> list[dict[str, float | list[float]]]:
    """Return a sample for each repetition; within one everything is measured in turn."""
    samples: list[dict[str, float | list[float]]] = []
    for repetition in range(1, repetitions + 1):
        sample: dict[str, float | list[float]] = {}
        for name in names:
            if name in ONCE and repetition < repetitions:
                continue
            started = time.monotonic()
            taken = BENCHES[name](made, size)
            sample |= taken
            told = ", ".join(f"{key} {_told(value)}" for key, value in taken.items())
            say(f"{repetition}/{repetitions} {name}: {told} ({time.monotonic() - started:.0f} s)")
        samples.append(sample)
    return samples


def save(folder: Path, samples: list[dict[str, float | list[float]]], where: str) -> None:
    """Write the page's table, the picture and the raw figures."""
    report.write_page(folder / "events.md", samples, where)
    (folder / "events.svg").write_text(plot.svg(samples, where), encoding="utf-8")
    (folder / "events.json").write_text(json.dumps({"where": where, "samples": samples}, indent=1) + "\n")


def _told(value: float | list[float]) -> str:
    return ", ".join(map(report.number, value)) if isinstance(value, list) else report.number(value)


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
