"""The rows: which faults there are, how often each happens, and what must hold of it."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from events.chaos import faults
from events.chaos.field import Field
from events.relay.window import IN_FLIGHT
from events.tests.history import Verdict

FREE: Final = 10**9
"""No limit: what a broker delivers again after it was killed is not the relay's doing."""


@dataclass(frozen=True)
class Fault:
    """A row of the table."""

    title: str
    happen: Callable[[Field, int], None]
    """Makes it happen so many times, inside `Field.pressure`."""
    share: float = 0.2
    """How many times, as a share of the kills that were asked for; once at least."""
    duplicates: int = IN_FLIGHT
    """The most that one time may cause."""
    may_invert: bool = False
    """Whether events are set aside, and come back later than others of their subject."""
    recovery: float = 60
    """Seconds after which events must pass again, at most."""


FAULTS: Final = {
    "kill": Fault("kill -9 of the active relay at any moment", faults.kill, 1),
    "places": Fault("kill -9 in each place of its work", faults.kill_in_places, 0.3),
    "freeze": Fault("SIGSTOP past the lease, then SIGCONT", faults.freeze, 0.1),
    "roll": Fault("rolling SIGTERM", faults.roll, duplicates=0),
    "broker": Fault("RabbitMQ killed and started again", faults.kill_broker, 0.1, FREE),
    "connections": Fault("RabbitMQ closes the connections", faults.close_connections),
    "alarm": Fault("memory alarm of three seconds", faults.alarm, 0.1),
    "exchange": Fault("the exchange deleted for a second", faults.delete_exchange, 0.1, may_invert=True),
    "binding": Fault("the binding deleted, parked events redriven", faults.unbind, 0.1, may_invert=True),
    "postgres-fast": Fault("Postgres restarted (fast)", faults.restart_database(signal.SIGINT), 0.1),
    "postgres-immediate": Fault("Postgres restarted (immediate)", faults.restart_database(signal.SIGQUIT), 0.1),
    "backends": Fault("backends of the relay terminated", faults.terminate),
    "bell": Fault("only the listening backend terminated", faults.cut_bell, recovery=5),
    "hole-in": Fault("nothing arrives at the active relay", faults.lose("INPUT"), 0.1),
    "hole-out": Fault("nothing leaves the active relay", faults.lose("OUTPUT"), 0.1),
    "loss": Fault(
        "5 % of its packets lost", faults.lose("INPUT", "-m", "statistic", "--mode", "random", "--probability", "0.05")
    ),
    "latency": Fault("200 ms of latency", faults.slow, 0.1),
    "transactions": Fault("100,000 rows at once, a prepared transaction held open", faults.transact, 0.05),
    "old": Fault("an unrelated transaction held open", faults.hold_open, 0.5, recovery=5),
    "naps": Fault("asleep and awake, one event each", faults.nap, 10, recovery=0.9),
}


def row(fault: Fault, times: int, verdict: Verdict, recoveries: list[float]) -> list[str]:
    """Return a line of the table."""
    ordered = sorted(recoveries) or [0.0]
    spread = f"{median(ordered):.2f} / {ordered[int(0.99 * len(ordered))]:.2f} / {ordered[-1]:.2f}"
    counts = (times, verdict.committed, verdict.lost, verdict.inverted, verdict.phantom, verdict.duplicates)
    return [
        fault.title,
        *(f"{count:,}" for count in counts),
        spread,
        "ok" if holds(fault, times, verdict, ordered) else "BROKEN",
    ]


def holds(fault: Fault, times: int, verdict: Verdict, recoveries: list[float]) -> bool:
    """Tell whether everything is as it has to be."""
    return (
        verdict.lost == verdict.phantom == 0
        and (fault.may_invert or verdict.inverted == 0)
        and verdict.duplicates <= fault.duplicates * times
        and max(recoveries) <= fault.recovery
    )


HEAD: Final = ["fault", "runs", "events", "lost", "inverted", "phantom", "duplicates", "recovery p50/p99/max s", ""]


def text(lines: list[list[str]]) -> str:
    """Return aligned lines."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


_BEGIN: Final = "<!-- faults: written by `make chaos` -->"
_END: Final = "<!-- end of faults -->"


def in_page(page: str, lines: list[list[str]], where: str) -> str:
    """Return a page with the table, and where it was taken, between its marks."""
    rows = [f"| {' | '.join(line)} |" for line in [lines[0], ["---"] * len(lines[0]), *lines[1:]]]
    block = "\n".join([_BEGIN, *rows, "", where, _END])
    return page[: page.index(_BEGIN)] + block + page[page.index(_END) + len(_END) :]
