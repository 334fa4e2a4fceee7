"""`python -m tools.chaos`: break everything around the relay under load, and see what became of every event.

Exits with 1 if anything was lost, invented or out of order, or took too long. Ctrl-C or SIGTERM brings the present
fault to its end, counts it, and begins no other; what was kept with --save until then stays.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from types import FrameType

from tools.chaos import table
from tools.chaos.environment import BrokenError, ChaosEnvironment, prepared
from tools.chaos.record import Record
from tools.chaos.table import BROKEN, FAULTS, HEAD, NEEDING_ROOT, Fault
from tools.local.errors import LocalError
from tools.pages import aligned


def main() -> None:
    """Let the faults happen and print the table."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often relays are killed; the long form is 1000")
    parser.add_argument("--only", action="append", choices=FAULTS, help="one of the faults; may be repeated")
    parser.add_argument("--save", action="store_true", help="keep every line in docs/performance/faults.md")
    arguments = parser.parse_args()
    names = _allowed(arguments.only or list(FAULTS))
    record = Record(arguments.kills) if arguments.save else None
    lines, started = [HEAD], time.monotonic()
    with prepared() as env:
        _listen_to_signals(env)
        for number, name in enumerate(names, 1):
            _say(f"{number} of {len(names)}, after {time.monotonic() - started:.0f} s: {FAULTS[name].title}")
            lines.append(_suffer(env, FAULTS[name], FAULTS[name].times(arguments.kills)))
            if record:
                record.add(name, lines[-1])
            if env.ended:
                break
    _say("\n" + aligned(lines))
    if record:
        took = f"{(time.monotonic() - started) / 60:.0f} minutes"
        record.end(f"was ended early, after {len(lines) - 1} of {len(names)} faults" if env.ended else f"took {took}")
    sys.exit(any(line[-1] == BROKEN for line in lines))


def _allowed(names: list[str]) -> list[str]:
    """Return the faults that this user may bring about, and say which are left out."""
    left_out = [name for name in names if name in NEEDING_ROOT and os.geteuid() != 0]
    if left_out:
        _say(f"left out, because only root may make a network: {', '.join(left_out)}")
    if len(left_out) == len(names):
        sys.exit("nothing is left to break")
    return [name for name in names if name not in left_out]


def _listen_to_signals(env: ChaosEnvironment) -> None:
    def end(number: int, _frame: FrameType | None) -> None:
        # A second one ends it at once, but for the servers, which must end in any case.
        if env.ended:
            sys.exit(f"told to stop by signal {number}")
        env.ended = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def _suffer(env: ChaosEnvironment, fault: Fault, times: int) -> list[str]:
    started = time.monotonic()
    try:
        fault.happen(env, times)
        line = table.row(fault, env.runs, env.verdict(), env.recoveries, env.note)
    except (BrokenError, TimeoutError, OSError, LocalError, subprocess.SubprocessError) as error:
        line = table.broken(fault, env.runs, str(error))
    _say(f"  {'  '.join(line[1:])}  ({time.monotonic() - started:.0f} s)")
    return line


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
