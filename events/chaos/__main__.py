"""`python -m events.chaos`: break everything around the relay under load, and see what became of every event.

Exits with 1 if anything was lost, invented or out of order, or took too long.
"""

import argparse
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Final

from events.bench.ground import machine
from events.chaos import table
from events.chaos.field import Field, prepared
from events.chaos.table import FAULTS, HEAD, Fault
from functions.local.settings import ROOT

PAGE: Final = ROOT / "docs" / "performance" / "faults.md"


def main() -> None:
    """Let the faults happen and print the table."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often relays are killed; the long form is 1000")
    parser.add_argument("--only", action="append", choices=FAULTS, help="one of the faults; may be repeated")
    parser.add_argument("--save", action="store_true", help="write the table to docs/performance/faults.md")
    arguments = parser.parse_args()
    # A run that is told to end must still end its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    lines, broken = [HEAD], False
    with prepared() as field:
        for name in arguments.only or FAULTS:
            fault = FAULTS[name]
            line = _suffer(field, fault, max(1, round(arguments.kills * fault.share)))
            lines.append(line)
            broken = broken or line[-1] == "BROKEN"
    _say("\n" + table.text(lines))
    if arguments.save:
        told = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}."
        PAGE.write_text(table.in_page(PAGE.read_text(encoding="utf-8"), lines, told), encoding="utf-8")
    sys.exit(broken)


def _suffer(field: Field, fault: Fault, times: int) -> list[str]:
    started = time.monotonic()
    try:
        fault.happen(field, times)
        line = table.row(fault, times, field.verdict(), field.recoveries)
    except (TimeoutError, OSError) as error:
        line = [fault.title, str(times), *["—"] * 5, str(error), "BROKEN"]
    _say(f"{'  '.join(line)}  ({time.monotonic() - started:.0f} s)")
    return line


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
