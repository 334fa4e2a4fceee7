"""Waiting for functions: nothing is taken out of a queue before its function can be called.

At a deployment the dispatcher may well be there first. Its attempts would be used up by a function that is still to
come; in RabbitMQ the events wait for as long as it takes.
"""

import logging
import threading
import time
from typing import Final

from events.dispatcher.caller import Caller

log = logging.getLogger(__name__)

PAUSE: Final = 1.0
"""Seconds between two questions."""

GRACE: Final = 5.0
"""Seconds until the log says that a function isn't there: where all start at once, it need not be first."""

SILENCE: Final = 30.0
"""Seconds until the log says so again."""


class Readiness(threading.Thread):
    """Asks a function whether it is there until it is, which ends the thread."""

    def __init__(self, caller: Caller) -> None:
        """`caller` is used by nobody else."""
        super().__init__(name=f"readiness-{caller.function}", daemon=True)
        self.caller = caller
        self.reached = False
        """Whether the function could be called once."""

    def run(self) -> None:
        """Ask again and again."""
        said = time.monotonic() + GRACE - SILENCE
        while (trouble := self.caller.is_there()) is not None:
            if time.monotonic() - said > SILENCE:
                said = time.monotonic()
                log.warning(
                    "%s can't be called yet, and its events wait: %s at %s",
                    self.caller.function,
                    trouble,
                    self.caller.host,
                )
            time.sleep(PAUSE)
        self.caller.close()
        self.reached = True
        log.info("%s can be called", self.caller.function)
