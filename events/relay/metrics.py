"""What a relay has done since it was started, in plain numbers: they cost nothing to keep, and a scrape reads them."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

REASONS: Final = ("type_unknown", "not_encodable", "too_large", "unroutable", "behind")
"""Why events are parked; shown also while none is."""

STATES: Final = ("connecting", "standby", "active")

STUCK: Final = 60
"""Seconds without an iteration of the main loop after which the process is beyond help: every wait in it is shorter."""


@dataclass
class RelayMetrics:
    """The counters and gauges of a relay; each is written by one thread only."""

    state: str = "connecting"
    """`standby` while another relay holds the lease, `active` with it."""
    blocked: bool = False
    """Whether RabbitMQ blocks publishers, for want of memory or disk."""
    last_beat: float = field(default_factory=time.monotonic)
    """When the main loop last iterated, by the monotonic clock."""
    sessions: int = 0
    """Times that it began to connect."""
    pages: int = 0
    published: int = 0
    confirmed: int = 0
    returned: int = 0
    """Events that no queue took."""
    resent: int = 0
    """Events that were under way when a connection was lost: they are sent again."""
    parked: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(REASONS, 0)))
    saves: int = 0
    notifications: int = 0
    """Times that a writer's notification woke it up."""
    fallbacks: int = 0
    """Times that it looked though no notification came."""
    found_by_fallback: int = 0
    """Times that it found an event then: a notification was missed."""
    ingested: int = 0
    ingest_rejected: int = 0
    """Bare NOTIFYs that became events, and dead letters."""
    probes_sent: int = 0
    probes_returned: int = 0
    probes_late: int = 0
    round_trip: float | None = None
    """Seconds that the last probe took which came back."""
    probed: float = 0.0
    """When that was, or when probing began, by the monotonic clock; 0 while nothing is probed."""

    def beat(self) -> None:
        """Record an iteration of the main loop."""
        self.last_beat = time.monotonic()

    def health_problem(self) -> str | None:
        """Return why the process has to be restarted; None while it works."""
        silent = time.monotonic() - self.last_beat
        return f"the main loop has not run for {silent:.0f} s" if silent > STUCK else None

    def readiness_problem(self) -> str | None:
        """Return why the relay is not ready, or None; a standby is ready."""
        return "not connected to both the database and event_bus" if self.state == "connecting" else None
