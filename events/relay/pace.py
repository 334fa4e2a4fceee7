"""How soon to read again: at once when events are few, and after gathering some when they come fast.

A statement for every few events would cost the database as much as writing them does.
"""

import math
import time
from collections.abc import Callable
from typing import Final

SPAN: Final = 0.25
"""Seconds over which the rate is taken: a single burst is not a rate."""

WANTED: Final = 250
"""Events that a read should find when they come fast."""

MAX_PAUSE: Final = 0.1
"""Seconds that an event may wait for others at most."""

_EAGERNESS: Final = 1e-7
"""Seconds of pause for the square of the rate: a millisecond at 100 events a second, the most at 1,000."""


class Pace:
    """The rate at which events have been coming."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with a rate of zero."""
        self._clock = clock
        self._recent = 0.0
        self._at = clock()

    def pause(self, found: int) -> float:
        """Record how many events a read has found, and return the seconds until the next read."""
        now = self._clock()
        self._recent = self._recent * math.exp((self._at - now) / SPAN) + found
        self._at = now
        rate = max(self._recent / SPAN, 1.0)
        return min(MAX_PAUSE, _EAGERNESS * rate * rate, WANTED / rate)
