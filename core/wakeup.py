"""How a thread sleeps: until a notification arrives, another thread pokes it, or time is up."""

import contextlib
import os
import selectors
import socket


class Wakeup:
    """A pipe that any thread or signal handler may poke."""

    def __init__(self) -> None:
        """Make the pipe."""
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def poke(self) -> None:
        """End the present or the next wait."""
        # A full pipe is poke enough.
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"!")

    def wait(self, seconds: float, listener: socket.socket | None = None) -> bool:
        """Wait for a poke, for something to read on `listener`, or for the time; return whether it woke in time."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._read, selectors.EVENT_READ)
            if listener is not None:
                selector.register(listener, selectors.EVENT_READ)
            ready = selector.select(seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)
        return bool(ready)
