"""What is kept of the runs: the newest line of every fault, as JSON for the next run and as a table for people.

It is written after every fault, so that a run which is ended early keeps what it has.
"""

import json
from datetime import UTC, datetime
from typing import Final

from provisioning.local_settings import ROOT
from tools import pages
from tools.chaos.table import BROKEN, FAULTS, HEAD
from tools.documents import Document
from tools.harness.environment import load, machine

PAGE: Final = ROOT / "docs" / "performance" / "faults.md"

FILE: Final = PAGE.with_suffix(".json")

_BEGIN: Final = "<!-- faults: written by `make chaos` -->"
_END: Final = "<!-- end of faults -->"


class Record:
    """The lines that were kept, with those of this run."""

    def __init__(self, kills: int) -> None:
        """Read what there is; `kills` is how many were asked for."""
        self.kept: Document = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
        self.kept["run"] = {"kills": kills, "begun": _now(), "ended": None, "machine": machine(), "load": load()}
        self.kept.setdefault("lines", {})

    def add(self, name: str, line: list[str]) -> None:
        """Keep the line of a fault."""
        self.kept["lines"][name] = {"line": line, "taken": _now()}
        self._write()

    def end(self, how: str) -> None:
        """Say how the run ended."""
        self.kept["run"]["ended"] = how
        self._write()

    def _write(self) -> None:
        FILE.write_text(json.dumps(self.kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        kept = [self.kept["lines"][name] for name in FAULTS if name in self.kept["lines"]]
        table = pages.table([*HEAD, "taken"], [[*each["line"], each["taken"]] for each in kept])
        pages.replace_block(PAGE, _BEGIN, _END, "\n".join([table, "", *_told(self.kept)]))


def _told(kept: Document) -> list[str]:
    run, lines = kept["run"], kept["lines"]
    ended = run["ended"] or "is under way, or was cut off"
    kills = sum(_count(lines[name]["line"][1]) for name in ("kill", "places") if name in lines)
    events = sum(_count(entry["line"][2]) for entry in lines.values())
    told = [
        f"{kills:,} kills and {events:,} events in the table.",
        f"The last run (from {run['begun']}, {run['kills']:,} kills asked for) {ended}.",
        f"{run['machine']}; load {run['load']} at its start.",
    ]
    missing = [FAULTS[name].title for name in FAULTS if name not in lines]
    bad = [entry["line"][0] for entry in lines.values() if entry["line"][-1] == BROKEN]
    if missing:
        told += ["", f"Never happened yet: {'; '.join(missing)}."]
    if bad:
        told += ["", f"Did not hold: {'; '.join(bad)}."]
    return told


def _count(cell: str) -> int:
    return int(cell.replace(",", "")) if cell[0].isdigit() else 0


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
