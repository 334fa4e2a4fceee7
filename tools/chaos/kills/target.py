"""A target of the Makefile that kills everything at random: what it is asked, and what it tells and keeps."""

import secrets
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from provisioning.local_settings import ROOT
from tools import pages
from tools.chaos.kills import table
from tools.chaos.kills.platform import Platform
from tools.chaos.kills.table import Rows
from tools.harness.outages import exit_when_told


@dataclass(frozen=True)
class Extent:
    """How much happens."""

    count: int
    """Of what is made while everything is killed."""
    at_once: int
    """Of these under way at a time."""
    faults: int
    seed: int


@dataclass(frozen=True)
class Target:
    """One of them."""

    subject: str
    """Whose faults they are: it is in the name of the page that has the tables."""
    made: str
    """What is made meanwhile, in the plural: the option that says how many has this name."""
    count: int
    """How many, if nothing is said."""
    at_once: int
    """How many at a time, if nothing is said."""
    faults: float
    """Faults for each."""

    @property
    def name(self) -> str:
        """The name in the Makefile."""
        return f"chaos-{self.subject}s"

    def asked(self, about: str | None) -> tuple[Extent, bool]:
        """Return what the command line says is to happen, and whether the tables are kept; say the first."""
        parser = ArgumentParser(prog=self.name, description=about)
        parser.add_argument(f"--{self.made}", dest="count", type=int, default=self.count, help="how many are made")
        parser.add_argument("--at-once", type=int, default=self.at_once, help="how many at a time")
        parser.add_argument("--seed", type=int, help=f"of {self.made} and faults; drawn if it isn't given")
        parser.add_argument(
            "--save", action="store_true", help=f"keep the tables in docs/performance/{self.subject}_faults.md"
        )
        arguments = parser.parse_args()
        exit_when_told()
        seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
        faults = max(3, round(arguments.count * self.faults))
        extent = Extent(arguments.count, arguments.at_once, faults, seed)
        say(f"{extent.count} {self.made}, {extent.at_once} at a time, {extent.faults} faults, seed {extent.seed}")
        return extent, arguments.save

    def took(self, extent: Extent, began: float) -> str:
        """Return how long it took since the monotonic clock showed `began`."""
        minutes = (time.monotonic() - began) / 60
        made = f"{extent.count} {self.made}, {extent.at_once} at a time, with the seed {extent.seed}"
        return f"{made} took {minutes:.0f} minutes ({datetime.now(UTC):%Y-%m-%d})"

    def keep_logs(self, platform: Platform) -> None:
        """Keep what the processes have logged, and say where."""
        platform.keep_logs(ROOT / "build" / self.name)
        say(f"the logs are in build/{self.name}")

    def save(self, tables: Sequence[Rows], told: str) -> None:
        """Write the tables, and what is told of them, into the page."""
        begin = f"<!-- {self.subject} faults: written by `make {self.name}` -->"
        end = f"<!-- end of {self.subject} faults -->"
        page = ROOT / "docs" / "performance" / f"{self.subject}_faults.md"
        pages.replace_block(page, begin, end, f"{table.markdown(tables)}\n\n{told}")


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
