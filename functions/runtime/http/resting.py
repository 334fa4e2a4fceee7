"""How an application has its server wait before it asks for more: no thread is taken meanwhile.

That is after a part of its response, or after an empty part that it yields before it begins its response.
"""

import threading
from typing import Final, Protocol

REST: Final = "botberi.rest"
"""The key in WSGI's environ of the request's `Rest`."""


class Rest(Protocol):
    """How one response rests."""

    def __call__(self, seconds: float) -> None:
        """Have the part after the next one be asked for only after so many seconds."""

    def wake(self) -> None:
        """End the rest that is under way, or else the next one. Any thread may call it."""


class ThreadRest:
    """Rests where the server knows nothing of them: the thread waits."""

    def __init__(self) -> None:
        """Begin without a rest."""
        self._woken = threading.Event()

    def __call__(self, seconds: float) -> None:
        """Wait, for so many seconds or until it is woken."""
        self._woken.wait(seconds)
        self._woken.clear()

    def wake(self) -> None:
        """End the rest that is under way, or else the next one."""
        self._woken.set()
