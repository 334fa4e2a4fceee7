"""Parts of a benchmark that take turns, again and again.

A run that is interrupted, or a part that fails, loses nothing of what was measured before.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Generic, Self, TypeVar

from pika.exceptions import AMQPError

from core.postgres.errors import Error
from tools.bench.report import Report, number
from tools.bench.rows import Sample
from tools.harness import environment

E = TypeVar("E")

Part = Callable[[E, float], Sample]
"""Measures once in the environment, as much of it as the size says: 1 for figures that are kept."""


@dataclass
class Run(Generic[E]):
    """What is measured how often, and what came of it."""

    parts: Mapping[str, Part[E]]
    once: Collection[str]
    """Those that are measured in the last repetition only."""
    repetitions: int
    size: float
    settle: Callable[[E], None]
    """Called before each part, so that none pays for the one before it."""
    clear: Callable[[E], None]
    """Called after a part that failed."""
    save: bool
    """Whether what was measured is kept with the documents."""
    samples: list[dict[str, float | list[float]]] = field(default_factory=list)
    """One for each repetition."""
    failed: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        arguments: Namespace,
        parts: Mapping[str, Part[E]],
        *,
        once: Collection[str],
        settle: Callable[[E], None],
        clear: Callable[[E], None],
    ) -> Self:
        """Return the run that the arguments of `asked` want, of those parts that they choose."""
        chosen = {name: part for name, part in parts.items() if name in (arguments.only or parts)}
        return cls(chosen, once, arguments.repetitions, arguments.size, settle, clear, arguments.save)

    @contextmanager
    def reported(self, report: Report, where: str, save: Callable[[str], None] | None = None) -> Iterator[None]:
        """Tell what the block has measured, however it ends, and save the report if that is wanted.

        `save` is called for that if more than the samples is to be kept; it is given where that was.
        """
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            self.failed.append("what came after the interruption")
            raise
        finally:
            where += f" Load {environment.load()} at the end."
            where += f" Missing: {', '.join(self.failed)}." if self.failed else ""
            if any(self.samples):
                raw = "\n".join(report.raw_lines(self.samples))
                say(f"\n{report.table(self.samples)}\n\n{where}\n{raw}")
                if self.save:
                    (save or partial(report.save, self.samples))(where)

    def measure(self, made: E) -> None:
        """Measure everything in turn, again and again."""
        started = time.monotonic()
        for repetition in range(1, self.repetitions + 1):
            self.samples.append({})
            for name in self.parts:
                if name not in self.once or repetition == self.repetitions:
                    told = self._once(made, name, f"{name} {repetition}")
                    minutes = (time.monotonic() - started) / 60
                    say(f"{repetition}/{self.repetitions} {name}: {told} (minute {minutes:.1f})")

    def _once(self, made: E, name: str, title: str) -> str:
        try:
            self.settle(made)
            taken = self.parts[name](made, self.size)
        except (AMQPError, Error, OSError, RuntimeError) as error:
            self.failed.append(title)
            self.clear(made)
            return f"FAILED, {error!r}"
        self.samples[-1] |= taken
        return ", ".join(f"{key} {_told(value)}" for key, value in taken.items())


def _told(value: float | list[float]) -> str:
    return ", ".join(map(number, value)) if isinstance(value, list) else number(value)


def parser(name: str, about: str | None, parts: Collection[str], *, repetitions: int) -> ArgumentParser:
    """Return a parser of how often is measured, how much, and which of the parts: `only`, None for all."""
    made = ArgumentParser(prog=name, description=about)
    made.add_argument("--repetitions", type=int, default=repetitions)
    made.add_argument("--size", type=float, default=1.0, help="a tenth is enough to see whether it works")
    made.add_argument("--only", action="append", choices=parts, help="one of the measurements; may be repeated")
    return made


def asked(name: str, about: str | None, parts: Collection[str], *, repetitions: int) -> Namespace:
    """Return what a benchmark is told on its command line: that of `parser`, and whether figures are saved."""
    reads = parser(name, about, parts, repetitions=repetitions)
    reads.add_argument("--save", action="store_true", help="write the figures to docs/performance")
    return reads.parse_args()


def today() -> str:
    """Return the day and the machine."""
    return f"{datetime.now(UTC):%Y-%m-%d}, {environment.machine()}."


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
