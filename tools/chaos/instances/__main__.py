"""`python -m tools.chaos.instances`: kill everything at random while instances live, and see what became of each.

Exits with 1 if anything is not as it must be, and says what. The same seed draws the same lifecycles and faults.
"""

import sys
import time
from typing import Final

from tools.chaos.instances import platform, table
from tools.chaos.instances.run import Outcome, run
from tools.chaos.kills.noted import Noted
from tools.chaos.kills.table import text
from tools.chaos.kills.target import Target, say
from tools.harness.environment import load, machine

TARGET: Final = Target("instance", "lifecycles", count=200, at_once=10, faults=0.3)


def main() -> None:
    """Let it happen, and print the tables and every violation."""
    began, load_before = time.monotonic(), load()
    extent, save = TARGET.asked(__doc__)
    with platform.running(Noted()) as hurt:
        outcome = run(hurt, extent, say)
        tables = table.tables(hurt, outcome)
        say(f"\n{text(tables)}\n")
        told = (
            f"{TARGET.took(extent, began)}; everything was as it was wanted {outcome.converged:.0f} s after the last "
            f"kill. {machine()}; load {load_before} at the start."
        )
        say(told)
        for violation in outcome.violations:
            say(str(violation))
            _say_history(outcome, violation.subject)
        if outcome.violations:
            TARGET.keep_logs(hurt)
    if save:
        TARGET.save(tables, told)
    sys.exit(bool(outcome.violations))


def _say_history(outcome: Outcome, subject: str) -> None:
    """Print what happened to the instance that a violation is about, if it is about one."""
    for event in outcome.evidence.history:
        if event.instance_id in subject:
            say(f"    {event.at:%H:%M:%S.%f} {event.kind}: {event.previous} → {event.value} ({event.reason})")


if __name__ == "__main__":
    main()
