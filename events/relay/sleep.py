"""When the relay is awake and when it sleeps, so that no event has to wait for the fallback.

Awake it polls and holds the awake lock. Before it sleeps there are writers who found the lock held and have not
committed: it dozes until the last transaction that was under way when it let go has ended, and looks once more.
"""

import time
from enum import Enum, auto
from typing import Final

from core.configuration import setting
from core.postgres.session import Session
from core.wakeup import Wakeup
from events.relay.awake_lock import AwakeLock, WakeUpListener
from events.relay.metrics import RelayMetrics

LINGER: Final = "0.2"
"""Seconds that the relay stays awake after the last event, longer than it ever gathers, unless the setting says."""

POLL: Final = 0.002
"""Seconds between polls while awake. A poll that finds the snapshot unchanged costs next to nothing."""

DOZE: Final = 0.05
"""The longest pause between polls, in seconds, while an old transaction keeps the relay from sleeping."""

FALLBACK: Final = 1.0
"""Seconds after which a sleeping relay looks without a notification."""


class Phase(Enum):
    """The phases between polling and sleeping."""

    AWAKE = auto()
    DOZING = auto()
    ASLEEP = auto()


class Sleep:
    """Decides how long to wait when there is nothing to read."""

    def __init__(self, database: str, wakeup: Wakeup, session: Session, metrics: RelayMetrics) -> None:
        """Connect the lock and the listener, or raise; `session` is the reader's."""
        self.awake_lock = AwakeLock(database)
        self.listener = WakeUpListener(database)
        self.wakeup = wakeup
        self.session = session
        self.metrics = metrics
        self.linger = float(setting("RELAY_LINGER_SECONDS", LINGER))
        self.phase = Phase.AWAKE
        self._timed_out = False
        self._lingers_from = time.monotonic()
        """When it found the last event, or was woken for one that it hasn't found yet."""
        self._found_at = self._lingers_from
        """When it found the last event after which others may come soon."""
        self._pause = POLL
        self._threshold = ""

    def busy(self, *, lingers: bool = True) -> None:
        """Record that a read found events, and wake up; without `lingers` no others are expected to follow them."""
        # The notification may come just as time is up.
        if self.phase is Phase.ASLEEP and self._timed_out and not self.listener.drain():
            self.metrics.found_by_fallback += 1
        before = self._found_at
        self._awaken()
        if lingers:
            self._found_at = self._lingers_from
        else:
            self._lingers_from = before

    def _awaken(self) -> None:
        self.phase = Phase.AWAKE
        self._lingers_from = time.monotonic()
        self._timed_out = False
        self.awake_lock.request()

    def idle(self) -> None:
        """Wait as long as is right when nothing was found."""
        match self.phase:
            case Phase.AWAKE if time.monotonic() - self._lingers_from < self.linger:
                self._wait(POLL)
            case Phase.AWAKE:
                self._doze()
            case Phase.DOZING if self._is_settled():
                # Not yet asleep: whatever those writers wrote is found by looking once more.
                self.phase = Phase.ASLEEP
            case Phase.DOZING:
                self._pause = min(self._pause * 1.5, DOZE)
                self._wait(self._pause)
            case Phase.ASLEEP:
                self._timed_out = not self._wait(FALLBACK)
                self.metrics.fallbacks += self._timed_out

    def _doze(self) -> None:
        self.listener.drain()
        if not self.awake_lock.release():
            self._wait(POLL)
            return
        # An assigned number, not a snapshot's xmax: that one misses writers in flight.
        [[self._threshold]] = self.session.run("select pg_current_xact_id()::text")
        self.phase = Phase.DOZING
        self._pause = POLL

    def _is_settled(self) -> bool:
        # A writer has its number before it tries the lock, as its row is inserted first. The threshold was taken after
        # the lock was let go, so all who found it held have lower numbers; xmin is beyond when every one of them has
        # ended.
        question = "select pg_snapshot_xmin(pg_current_snapshot()) > cast(:threshold as xid8)"
        return self.session.run(question, threshold=self._threshold) == [[True]]

    def _wait(self, seconds: float) -> bool:
        woken = self.wakeup.wait(seconds, self.listener.session.socket)
        if woken and self.listener.drain():
            self.metrics.notifications += self.phase is Phase.ASLEEP
            self._awaken()
        return woken

    def close(self) -> None:
        """Close both connections."""
        self.awake_lock.close()
        self.listener.close()
