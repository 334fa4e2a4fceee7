"""The bell: notifications of Postgres tell a runner that there is something to do, on a thread of its own.

Triggers send them in the transactions that they are about. Any may be lost: the runner looks every second by itself.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Final

from core.jitter import jittered
from core.postgres.errors import Error
from core.postgres.session import Session

log = logging.getLogger(__name__)

LISTEN: Final = "listen runs"

LOOK_SECONDS: Final = 60
"""How often the connection is tried while nothing comes."""

MAX_PAUSE: Final = 2.0
"""Seconds between two attempts to connect, at most."""


class Bell(threading.Thread):
    """Listens for ever. Nobody waits for its end."""

    def __init__(self, claim: Callable[[], None], cancel: Callable[[], None]) -> None:
        """Call `claim` when a run's turn may have come, and `cancel` when one may be to be cancelled."""
        super().__init__(name="bell", daemon=True)
        self._rings: Mapping[str, Callable[[], None]] = {"claim": claim, "cancel": cancel}
        self._pause = 0.1

    def run(self) -> None:
        """Listen, connection after connection."""
        while True:
            try:
                with closing(Session("shared_psql", "runner", name="botberi-runner-bell")) as session:
                    self._listen(session)
            except (Error, OSError) as error:
                log.warning("shared_psql can't be listened to, runs are looked for every second: %s", error)
            time.sleep(jittered(self._pause))
            self._pause = min(self._pause * 2, MAX_PAUSE)

    def _listen(self, session: Session) -> None:
        session.run(LISTEN)
        log.info("listening to shared_psql")
        self._pause = 0.1
        # Nobody has heard what was told before.
        told = set(self._rings)
        while True:
            for each in self._rings.keys() & told:
                self._rings[each]()
            told = {payload for _, payload in session.wait_notifications(LOOK_SECONDS)}
