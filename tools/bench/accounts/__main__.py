"""`python -m tools.bench.accounts`: measure log-ins and sessions, and whether answers tell who has an account."""

import sys
from collections.abc import Mapping
from typing import Final

from tools.bench.accounts import logins, telling
from tools.bench.accounts.environment import AccountsEnvironment, prepared
from tools.bench.accounts.rows import RAW, ROWS
from tools.bench.repeated import Part, Run, asked, today
from tools.bench.report import Report
from tools.harness import environment

REPORT: Final = Report("accounts", ROWS, RAW)

PARTS: Final[Mapping[str, Part[AccountsEnvironment]]] = {
    "cost": logins.cost,
    "rates": logins.rates,
    "register": telling.register,
    "forgot": telling.forgot,
    "wrong": telling.wrong,
}

ONCE: Final = frozenset({"register", "forgot", "wrong"})
"""Measured in the last repetition only: each is two thousand requests, half of them for known addresses."""


def main() -> None:
    """Measure and report."""
    arguments = asked("bench-accounts", __doc__, PARTS, repetitions=3)
    run = Run.of(arguments, PARTS, once=ONCE, settle=AccountsEnvironment.settle, clear=AccountsEnvironment.settle)
    begun = f"{today()} Load {environment.load()} before anything began."
    with prepared() as made, run.reported(REPORT, begun):
        run.measure(made)
    if run.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
