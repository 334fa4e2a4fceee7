"""`python -m tools.chaos.runs`: kill everything at random while runs are made and read, and see what became of each.

Exits with 1 if anything is not as it must be, and says what. The same seed draws the same runs and faults.
"""

import logging
import sys
import time
from typing import Final

from tools.chaos.kills.noted import Noted, Violation
from tools.chaos.kills.table import text
from tools.chaos.kills.target import Target, say
from tools.chaos.runs import ledger, platform, table
from tools.chaos.runs.run import Outcome, run
from tools.harness.environment import load, machine

TARGET: Final = Target("run", "runs", count=1000, at_once=4, faults=0.1)

_SHOWN: Final = 20
"""Violations whose runs are told with all that happened in them."""


def main() -> None:
    """Let it happen, and print the tables and every violation."""
    began, load_before = time.monotonic(), load()
    extent, save = TARGET.asked(__doc__)
    # Of connections that are cut it says that they were.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    with ledger.kept() as book, platform.running(Noted()) as hurt:
        outcome = run(hurt, book, extent, say)
        told = (
            f"{TARGET.took(extent, began)}; all was settled {outcome.settled:.0f} s after the last kill. {machine()}; "
            f"load {load_before} at the start, {load()} at the end."
        )
        tables = table.tables(hurt, outcome)
        say(f"\n{text(tables)}\n\n{told}")
        for number, violation in enumerate(outcome.violations):
            say(str(violation))
            if number < _SHOWN:
                _say_history(outcome, violation)
        if outcome.violations:
            TARGET.keep_logs(hurt)
    if save:
        TARGET.save(tables, told)
    sys.exit(bool(outcome.violations))


def _say_history(outcome: Outcome, violation: Violation) -> None:
    """Print what happened in the run that a violation is about, if it is about one: all but the text."""
    for run_id, events in outcome.evidence.events.items():
        if run_id in violation.subject:
            for each in (each for each in events if each.type != "text"):
                say(f"    {each.at:%H:%M:%S.%f} {each.sequence} {each.type}: {str(each.data)[:200]}")
    for key, calls in outcome.evidence.calls.items():
        if key in violation.subject.split():
            for call in calls:
                say(f"    called in attempt {call.attempt}, part {call.part}: {call.end or 'cut off'}")


if __name__ == "__main__":
    main()
