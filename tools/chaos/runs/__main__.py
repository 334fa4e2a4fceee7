"""`python -m tools.chaos.runs`: kill everything at random while runs are made and read, and see what became of each.

Exits with 1 if anything is not as it must be, and says what. The same seed draws the same runs and faults.
"""

import argparse
import logging
import secrets
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Final

from provisioning.local_settings import ROOT
from tools import pages
from tools.chaos.kills.noted import Noted, Violation
from tools.chaos.runs import ledger, platform, table
from tools.chaos.runs.run import Extent, Outcome, run
from tools.harness.environment import load, machine

PAGE: Final = ROOT / "docs" / "performance" / "run_faults.md"

_BEGIN: Final = "<!-- run faults: written by `make chaos-runs` -->"
_END: Final = "<!-- end of run faults -->"

FAULTS: Final = 0.1
"""Faults for each run."""

_SHOWN: Final = 20
"""Violations whose runs are told with all that happened in them."""


def main() -> None:
    """Let it happen, and print the tables and every violation."""
    parser = argparse.ArgumentParser(prog="chaos-runs", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="how many runs are made")
    parser.add_argument("--seed", type=int, default=None, help="of runs and faults; drawn if it isn't given")
    parser.add_argument("--save", action="store_true", help="keep the tables in docs/performance/run_faults.md")
    arguments = parser.parse_args()
    # A run that is told to end must still end its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    # Of connections that are cut it says that they were.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    faults = max(3, round(arguments.runs * FAULTS))
    began, load_before = time.monotonic(), load()
    _say(f"{arguments.runs} runs, {faults} faults, seed {seed}")
    with ledger.kept() as book, platform.running(Noted()) as hurt:
        outcome = run(hurt, book, Extent(arguments.runs, faults, seed), _say)
        minutes = (time.monotonic() - began) / 60
        told = (
            f"{arguments.runs} runs with the seed {seed} took {minutes:.0f} minutes ({datetime.now(UTC):%Y-%m-%d}); "
            f"all was settled {outcome.settled:.0f} s after the last kill. {machine()}; load {load_before} at the "
            f"start, {load()} at the end."
        )
        _say(f"\n{table.text(hurt, outcome)}\n\n{told}")
        for number, violation in enumerate(outcome.violations):
            _say(str(violation))
            if number < _SHOWN:
                _say_history(outcome, violation)
        if outcome.violations:
            hurt.keep_logs(ROOT / "build" / "chaos-runs")
            _say("the logs are in build/chaos-runs")
    if arguments.save:
        pages.replace_block(PAGE, _BEGIN, _END, f"{table.markdown(hurt, outcome)}\n\n{told}")
    sys.exit(bool(outcome.violations))


def _say_history(outcome: Outcome, violation: Violation) -> None:
    """Print what happened in the run that a violation is about, if it is about one: all but the text."""
    for run_id, events in outcome.evidence.events.items():
        if run_id in violation.subject:
            for each in (each for each in events if each.type != "text"):
                _say(f"    {each.at:%H:%M:%S.%f} {each.sequence} {each.type}: {str(each.data)[:200]}")
    for key, calls in outcome.evidence.calls.items():
        if key in violation.subject.split():
            for call in calls:
                _say(f"    called in attempt {call.attempt}, part {call.part}: {call.end or 'cut off'}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
