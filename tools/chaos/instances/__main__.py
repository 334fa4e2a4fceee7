"""`python -m tools.chaos.instances`: kill everything at random while instances live, and see what became of each.

Exits with 1 if anything is not as it must be, and says what. The same seed draws the same lifecycles and faults.
"""

import argparse
import secrets
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Final

from provisioning.local_settings import ROOT
from tools import pages
from tools.chaos.instances import platform, table
from tools.chaos.instances.run import Outcome, run
from tools.chaos.kills.noted import Noted
from tools.harness.environment import load, machine

PAGE: Final = ROOT / "docs" / "performance" / "instance_faults.md"

_BEGIN: Final = "<!-- instance faults: written by `make chaos-instances` -->"
_END: Final = "<!-- end of instance faults -->"

FAULTS: Final = 0.3
"""Faults for each lifecycle."""


def main() -> None:
    """Let it happen, and print the tables and every violation."""
    parser = argparse.ArgumentParser(prog="chaos-instances", description=__doc__)
    parser.add_argument("--lifecycles", type=int, default=200, help="how many instances are created")
    parser.add_argument("--seed", type=int, default=None, help="of lifecycles and faults; drawn if it isn't given")
    parser.add_argument("--save", action="store_true", help="keep the tables in docs/performance/instance_faults.md")
    arguments = parser.parse_args()
    # A run that is told to end must still end its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    faults = max(3, round(arguments.lifecycles * FAULTS))
    began, load_before = time.monotonic(), load()
    _say(f"{arguments.lifecycles} lifecycles, {faults} faults, seed {seed}")
    with platform.running(Noted()) as hurt:
        outcome = run(hurt, lifecycles=arguments.lifecycles, faults=faults, seed=seed, say=_say)
        _say(f"\n{table.text(hurt, outcome)}\n")
        minutes = (time.monotonic() - began) / 60
        told = (
            f"{arguments.lifecycles} lifecycles with the seed {seed} took {minutes:.0f} minutes "
            f"({datetime.now(UTC):%Y-%m-%d}); everything was as it was wanted {outcome.converged:.0f} s after the last "
            f"kill. {machine()}; load {load_before} at the start."
        )
        _say(told)
        for violation in outcome.violations:
            _say(str(violation))
            _say_history(outcome, violation.subject)
        if outcome.violations:
            hurt.keep_logs(ROOT / "build" / "chaos-instances")
            _say("the logs are in build/chaos-instances")
    if arguments.save:
        pages.replace_block(PAGE, _BEGIN, _END, f"{table.markdown(hurt, outcome)}\n\n{told}")
    sys.exit(bool(outcome.violations))


def _say_history(outcome: Outcome, subject: str) -> None:
    """Print what happened to the instance that a violation is about, if it is about one."""
    for event in outcome.evidence.history:
        if event.instance_id in subject:
            _say(f"    {event.at:%H:%M:%S.%f} {event.kind}: {event.previous} → {event.value} ({event.reason})")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
