"""The rows: which faults there are, how often each happens, and what must hold of it."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from events.relay.window import IN_FLIGHT
from tools.chaos import brokers, databases, relays, wires
from tools.chaos.environment import ChaosEnvironment
from tools.harness.history import Verdict

FREE: Final = 10**9
"""No limit: what a broker delivers again after it was killed is not the relay's doing."""


@dataclass(frozen=True)
class Fault:
    """A row of the table."""

    title: str
    happen: Callable[[ChaosEnvironment, int], None]
    """Makes it happen so many times, inside `ChaosEnvironment.pressure`."""
    share: float = 0.2
    """How many times, as a share of the kills that were asked for; once at least."""
    limit: int = 20
    """How many times at most."""
    duplicates: int = IN_FLIGHT
    """The most that one time may cause."""
    may_invert: bool = False
    """Whether events are set aside or refused, and come later than others of their subject."""
    recovery: float = 60
    """Seconds after which events must pass again, at most."""

    def times(self, kills: int) -> int:
        """Return how often it happens in a run of so many kills."""
        return max(1, min(self.limit, round(kills * self.share)))


_FIVE_PERCENT: Final = ("-m", "statistic", "--mode", "random", "--probability", "0.05")

FAULTS: Final = {
    "kill": Fault("kill -9 of the active relay at any moment", relays.kill, 0.95, FREE),
    "places": Fault("kill -9 in each place of its work, one after another", relays.kill_in_places, 0.35, 50),
    "freeze": Fault("SIGSTOP past the lease, then SIGCONT", relays.freeze, 0.1, 5),
    "roll": Fault("rolling SIGTERM", relays.roll, duplicates=0),
    "broker": Fault("RabbitMQ killed and started again", brokers.kill, 0.1, 4, FREE),
    "broker-stop": Fault("RabbitMQ stopped and started again", brokers.restart, 0.1, 3, FREE),
    "connections": Fault("RabbitMQ closes the connections", brokers.close_connections, limit=6),
    "alarm": Fault(f"memory alarm of {brokers.ALARM} seconds", brokers.alarm, 0.1, 3),
    "full": Fault("a full queue that refuses for five seconds", brokers.fill, 0.1, 3, FREE, may_invert=True),
    "exchange": Fault("the exchange deleted for a second", brokers.delete_exchange, 0.1, 3, may_invert=True),
    "binding": Fault("the binding deleted, parked events redriven", brokers.unbind, 0.1, 3, may_invert=True),
    "queue": Fault("the queue deleted, parked events redriven", brokers.delete_queue, 0.1, 3, may_invert=True),
    "postgres-fast": Fault("Postgres restarted (fast)", databases.restart(signal.SIGINT), 0.1, 6),
    "postgres-immediate": Fault("Postgres restarted (immediate)", databases.restart(signal.SIGQUIT), 0.1, 6),
    "backends": Fault("backends of the relay terminated", databases.terminate, limit=30),
    "notification": Fault("only the listening backend terminated", databases.cut_notification, recovery=5),
    "hole-in": Fault("nothing arrives at the active relay", wires.lose("INPUT"), 0.1, 3, recovery=20),
    "hole-out": Fault("nothing leaves the active relay", wires.lose("OUTPUT"), 0.1, 3, recovery=20),
    "hole-broker": Fault("the active relay cut off from RabbitMQ", wires.cut_off("event_bus"), 0.1, 3, recovery=20),
    "hole-postgres": Fault("the active relay cut off from Postgres", wires.cut_off("shared_psql"), 0.1, 3, recovery=20),
    "loss": Fault("5 % of its packets lost", wires.lose("INPUT", *_FIVE_PERCENT), limit=10),
    "latency": Fault("200 ms of latency", wires.slow, limit=5),
    "transactions": Fault("100,000 rows at once, a prepared transaction held open", databases.transact, 0.05, 2),
    "old": Fault("an unrelated transaction held open", databases.hold_open, 0.5, 40),
    "backlog": Fault("an hour's events pile up, a minute each", databases.pile_up, 1, 60, recovery=FREE),
    "naps": Fault("asleep and awake, one event each", relays.nap, 10, FREE),
}

NEEDING_ROOT: Final = frozenset({"hole-in", "hole-out", "hole-broker", "hole-postgres", "loss", "latency"})
"""Those that make a network of their own."""


def row(fault: Fault, times: int, verdict: Verdict, recoveries: list[float], note: str) -> list[str]:
    """Return a line of the table."""
    ordered = sorted(recoveries) or [0.0]
    spread = f"{median(ordered):.2f} / {ordered[int(0.99 * len(ordered))]:.2f} / {ordered[-1]:.2f}"
    counts = (times, verdict.committed, verdict.lost, verdict.inverted, verdict.phantom, verdict.duplicates)
    return [
        fault.title,
        *(f"{count:,}" for count in counts),
        spread,
        note,
        "ok" if holds(fault, times, verdict, ordered) else BROKEN,
    ]


def broken(fault: Fault, times: int, why: str) -> list[str]:
    """Return the line of a fault that ended in a way that makes counting useless."""
    return [fault.title, f"{times:,}", *["—"] * 6, why, BROKEN]


def holds(fault: Fault, times: int, verdict: Verdict, recoveries: list[float]) -> bool:
    """Return whether everything is as it has to be."""
    return (
        verdict.lost == verdict.phantom == 0
        and (fault.may_invert or verdict.inverted == 0)
        and verdict.duplicates <= fault.duplicates * times
        and max(recoveries) <= fault.recovery
    )


BROKEN: Final = "BROKEN"

HEAD: Final = [
    *("fault", "runs", "events", "lost", "inverted", "phantom", "duplicates"),
    *("recovery p50/p99/max s", "besides", "holds"),
]
