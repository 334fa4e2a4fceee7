"""The probe: an event of the relay's own that goes the way of all others, and has to come back through RabbitMQ.

It is written to the outbox, rings the bell, is read, published and confirmed, and returns through the queue that is the
lease. No subscriber hears it, and the catalog doesn't have it: it goes to that one queue.
"""

import logging
import threading
import time
from typing import Final

from core.configuration import setting
from core.ids import new_id
from events.broker import bus
from events.relay.figures import Figures
from events.relay.letters import Letter
from events.relay.outlook import Outlook

log = logging.getLogger(__name__)

TYPE: Final = "com.botberi.relay.probed.v1"

PATIENCE: Final = 5.0
"""Seconds within which a probe has to be back."""

GIVEN_UP: Final = 60.0
"""Seconds after which another is sent, though the last one isn't back."""


def interval() -> float:
    """Return the seconds between two probes; 0 is none."""
    return float(setting("RELAY_PROBE_SECONDS", "15"))


def is_probe(letter: Letter) -> bool:
    """Tell whether a letter is a probe and nothing that pretends to be one."""
    return letter.type == TYPE and (letter.recipient or "").startswith(bus.LEASES)


class Probe(threading.Thread):
    """Sends probes while its relay holds the lease."""

    def __init__(self, outlook: Outlook, figures: Figures, epoch: int) -> None:
        """`epoch` is that of the relay."""
        super().__init__(name="probe", daemon=True)
        self.outlook = outlook
        self.figures = figures
        self.epoch = epoch
        self._stopped = threading.Event()
        self._back = threading.Event()
        self._id = ""
        self._sent_at = 0.0

    def run(self) -> None:
        """Send probe after probe until closed."""
        self.figures.probed = time.monotonic()
        while not self._stopped.is_set():
            begun = time.monotonic()
            try:
                self._probe()
            except Exception as error:  # noqa: BLE001 - whatever it is, another probe is all that can be done
                log.warning("%s takes no probe: %s; trying again", self.outlook.database, error)
            self._stopped.wait(max(1.0, interval() - (time.monotonic() - begun)))

    def _probe(self) -> None:
        self._back.clear()
        self._id, self._sent_at = new_id("evt"), time.monotonic()
        self.outlook.emit_probe(TYPE, self._id, bus.lease(self.outlook.database))
        self.figures.probes_sent += 1
        if not self._back.wait(PATIENCE):
            self.figures.probes_late += 1
            log.warning("the probe %s of %s is not back after %g s", self._id, self.outlook.database, PATIENCE)
            self._back.wait(GIVEN_UP)
        if self._back.is_set() and not self._stopped.is_set() and self.figures.round_trip is not None:
            self.outlook.note_probe(self.figures.round_trip, self.epoch)

    def returned(self, event_id: str) -> None:
        """Take note that a probe is back, if it is the one that is waited for; from any thread."""
        if event_id == self._id and not self._back.is_set():
            self.figures.probed = time.monotonic()
            self.figures.round_trip = self.figures.probed - self._sent_at
            self.figures.probes_returned += 1
            self._back.set()

    def close(self) -> None:
        """Send no more."""
        self._stopped.set()
        self._back.set()
        self.figures.probed = 0.0
        # It may wait for the database. One probe more would do no harm.
        self.join(timeout=0.5)
