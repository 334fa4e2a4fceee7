"""The awake lock, from the relay's side: an advisory lock it holds while awake, and the NOTIFY that wakes it.

A writer notifies only when it can share the lock, which it can only while the relay sleeps: NOTIFY in every commit
would end group commit. The lock can cost time, never an event: what is delivered comes from the cursor.
"""

import logging
import threading
from typing import Final

from core.postgres.errors import Error
from core.postgres.session import Session

log = logging.getLogger(__name__)

LOCK: Final = 7_166_423_302
"""The advisory lock's key, the same as in the functions emit_event and wake_relay."""


class AwakeLock:
    """The awake lock. Taking it waits for transactions that notified, so a thread of its own takes it."""

    def __init__(self, database: str) -> None:
        """Connect to `database`, or raise."""
        self.session = Session(database, "relay", name="botberi-relay-awake-lock")
        self.session.limit(0)
        self.session.run("set lock_timeout = 0")
        self.session.run("set statement_timeout = 0")
        self.held = False
        self.failed = False
        self._requesting: threading.Thread | None = None

    def request(self) -> None:
        """Ask for the lock unless it is held or asked for; a try would starve behind writers that share it."""
        if not self.held and self._requesting is None and not self.failed:
            self._requesting = threading.Thread(target=self._acquire, name="awake-lock", daemon=True)
            self._requesting.start()

    def _acquire(self) -> None:
        # A lock of the session: it outlasts statements, and ends with the connection. While this exclusive request
        # waits, Postgres refuses the lock to every writer that tries to share it, as it does while it is held; so those
        # that share it already are the last. It comes when their transactions have ended, however long they take: this
        # session has no time limits.
        try:
            self.session.run("select pg_advisory_lock(:key)", key=LOCK)
            self.held = True
        except (Error, OSError):
            self.failed = True
        self._requesting = None

    def release(self) -> bool:
        """Let writers notify; False when the lock is still being asked for, and the relay has to stay awake."""
        if not self.held:
            return False
        self.session.run("select pg_advisory_unlock(:key)", key=LOCK)
        self.held = False
        return True

    def close(self) -> None:
        """Close the connection, and with it let go of the lock."""
        self.session.close()


class WakeUpListener:
    """The connection that listens for the NOTIFY of writers."""

    def __init__(self, database: str) -> None:
        """Connect to `database` and listen, or raise."""
        self.session = Session(database, "relay", name="botberi-relay-wake-up")
        self.session.run("listen botberi_outbox")

    def drain(self) -> bool:
        """Read what has arrived; return whether there was a notification."""
        return bool(self.session.notifications())

    def close(self) -> None:
        """Close the connection."""
        self.session.close()
