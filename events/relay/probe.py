"""The probe: an event of the relay's own that goes the way of all others, and has to come back through RabbitMQ.

It is written to the outbox, wakes the relay, is read, published and confirmed, and returns through the queue that is
the lease. No subscriber receives it, and the catalog doesn't have it: it goes to that one queue.
"""

import logging
import threading
import time
from typing import Final

from core.configuration import setting
from core.ids import new_id
from events.broker import bus
from events.relay.metrics import RelayMetrics
from events.relay.outbox_records import OutboxRecord
from events.relay.outbox_stats import OutboxStats

log = logging.getLogger(__name__)

TYPE: Final = "com.botberi.relay.probed.v1"

TIMEOUT: Final = 5.0
"""Seconds within which a probe has to be back."""

GIVEN_UP: Final = 60.0
"""Seconds after which another is sent, though the last one isn't back."""


def interval() -> float:
    """Return the seconds between two probes; 0 is none."""
    return float(setting("RELAY_PROBE_SECONDS", "15"))


def is_probe(record: OutboxRecord) -> bool:
    """Return whether a record is a genuine probe: of the probe's type and addressed to a lease queue."""
    return record.type == TYPE and (record.recipient or "").startswith(bus.LEASES)


class Probe(threading.Thread):
    """Sends probes while its relay holds the lease."""

    def __init__(self, outbox_stats: OutboxStats, metrics: RelayMetrics, epoch: int) -> None:
        """`epoch` is that of the relay."""
        super().__init__(name="probe", daemon=True)
        self.outbox_stats = outbox_stats
        self.metrics = metrics
        self.epoch = epoch
        self._stopped = threading.Event()
        self._back = threading.Event()
        self._id = ""
        self._sent_at = 0.0

    def run(self) -> None:
        """Send probe after probe until closed."""
        self.metrics.probed = time.monotonic()
        while not self._stopped.is_set():
            begun = time.monotonic()
            try:
                self._probe()
            except Exception as error:  # noqa: BLE001 - whatever it is, another probe is all that can be done
                log.warning("%s takes no probe: %s; trying again", self.outbox_stats.database, error)
            self._stopped.wait(max(1.0, interval() - (time.monotonic() - begun)))

    def _probe(self) -> None:
        self._back.clear()
        self._id, self._sent_at = new_id("evt"), time.monotonic()
        self.outbox_stats.emit_probe(TYPE, self._id, bus.lease(self.outbox_stats.database))
        self.metrics.probes_sent += 1
        if not self._back.wait(TIMEOUT):
            self.metrics.probes_late += 1
            log.warning("the probe %s of %s is not back after %g s", self._id, self.outbox_stats.database, TIMEOUT)
            self._back.wait(GIVEN_UP)
        if self._back.is_set() and not self._stopped.is_set() and self.metrics.round_trip is not None:
            self.outbox_stats.note_probe(self.metrics.round_trip, self.epoch)

    def returned(self, event_id: str) -> None:
        """Record that a probe has returned, if it is the current one; may be called from any thread."""
        if event_id == self._id and not self._back.is_set():
            self.metrics.probed = time.monotonic()
            self.metrics.round_trip = self.metrics.probed - self._sent_at
            self.metrics.probes_returned += 1
            self._back.set()

    def close(self) -> None:
        """Send no more probes."""
        self._stopped.set()
        self._back.set()
        self.metrics.probed = 0.0
        # It may wait for the database. One probe more would do no harm.
        self.join(timeout=0.5)
