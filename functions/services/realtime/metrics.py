"""What a gateway has done since it was started, in plain numbers, which a scrape reads."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from core.monitoring import Sample

STUCK: Final = 30
"""Seconds without a turn of the event loop after which the process is beyond help."""

FAMILIES: Final = {
    "botberi_gateway_live": "1 while events arrive from RabbitMQ and sessions can be checked.",
    "botberi_gateway_connections": "Open WebSockets.",
    "botberi_gateway_listeners": "Those of them that have authenticated.",
    "botberi_gateway_streams": "Open streams of runs over HTTP.",
    "botberi_gateway_hints_total": "Hints of what happens in runs that came from Redis.",
    "botberi_gateway_reads_total": "Times that Postgres was asked for events, by what they are of.",
    "botberi_gateway_received_total": "Events that came from RabbitMQ.",
    "botberi_gateway_sent_total": "Messages sent to browsers.",
    "botberi_gateway_missed_total": "Times that somebody, or all administrators, were told that events were missed.",
    "botberi_gateway_closed_total": "Connections that ended, by the code that they ended with.",
    "botberi_gateway_waiting": "Events that wait in the gateway's queue.",
}
"""Every metric with its meaning."""


@dataclass
class GatewayMetrics:
    """Written by the event loop's thread alone."""

    last_beat: float = field(default_factory=time.monotonic)
    """When the event loop last turned, by the monotonic clock."""
    live: bool = False
    connections: int = 0
    listeners: int = 0
    streams: int = 0
    hints: int = 0
    reads: Counter[str] = field(default_factory=Counter)
    received: int = 0
    sent: int = 0
    missed: int = 0
    waiting: int = 0
    closed: Counter[int] = field(default_factory=Counter)

    def samples(self) -> Iterator[Sample]:
        """Yield the metrics."""
        yield "botberi_gateway_live", {}, int(self.live)
        yield "botberi_gateway_connections", {}, self.connections
        yield "botberi_gateway_listeners", {}, self.listeners
        yield "botberi_gateway_streams", {}, self.streams
        yield "botberi_gateway_hints_total", {}, self.hints
        for of, count in sorted(self.reads.items()):
            yield "botberi_gateway_reads_total", {"of": of}, count
        yield "botberi_gateway_received_total", {}, self.received
        yield "botberi_gateway_sent_total", {}, self.sent
        yield "botberi_gateway_missed_total", {}, self.missed
        yield "botberi_gateway_waiting", {}, self.waiting
        for code, count in sorted(self.closed.items()):
            yield "botberi_gateway_closed_total", {"code": str(code)}, count

    def health_problem(self) -> str | None:
        """Return why the process has to be restarted; None while it works."""
        silent = time.monotonic() - self.last_beat
        return f"the event loop has not turned for {silent:.0f} s" if silent > STUCK else None

    def readiness_problem(self) -> str | None:
        """Return why the gateway is not ready, or None."""
        return None if self.live else "not connected to event_bus, or sessions can't be checked in shared_psql"
