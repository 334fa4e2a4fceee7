"""A thread that waits for files to be readable, for all children of a process."""

import logging
import os
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, Protocol

from .selection import ready

log = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 0.1
_CHUNK: Final = 64 * 1024

Callback = Callable[[], None]


class Reader(Protocol):
    """What takes what is read of a pipe."""

    @property
    def must_wait(self) -> bool:
        """Return whether nothing more is to be read just now."""

    def feed(self, data: bytes) -> None:
        """Take a piece."""

    def end(self) -> None:
        """Take in that nothing more comes."""


class Pump:
    """The thread, and what it waits for."""

    def __init__(self) -> None:
        """Wait for `start`."""
        self._selector = selectors.DefaultSelector()
        self._calls: SimpleQueue[Callback] = SimpleQueue()
        self._woken, self._waking = socket.socketpair()
        self._woken.setblocking(False)
        self._paused: dict[int, Reader] = {}
        self._ends = False
        self._thread = Thread(target=self._run, daemon=True, name="children")
        self._selector.register(self._woken, selectors.EVENT_READ, self._rest)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what was asked for before."""

        def stop() -> None:
            self._ends = True

        self.call(stop)
        self._thread.join()
        self._selector.close()
        self._woken.close()
        self._waking.close()

    def call(self, callback: Callback) -> None:
        """Have something called in the thread."""
        self._calls.put(callback)
        self._waking.send(b"w")

    def watch(self, file: socket.socket, callback: Callback) -> None:
        """Have `callback` called whenever `file` is readable. To be called in the thread."""
        self._selector.register(file, selectors.EVENT_READ, callback)

    def forget(self, file: socket.socket) -> None:
        """Watch it no more. To be called in the thread."""
        self._selector.unregister(file)

    def read(self, pipe: int, reader: Reader) -> None:
        """Read a pipe for `reader`. To be called in the thread, as `finish` is in the end."""
        self._selector.register(pipe, selectors.EVENT_READ, lambda: self._read(pipe, reader))

    def catch_up(self, pipe: int, reader: Reader) -> None:
        """Read what is in a pipe by now, unless its reader must wait. To be called in the thread."""
        if pipe not in self._paused and pipe in self._selector.get_map():
            with suppress(BlockingIOError):
                self._read(pipe, reader)

    def finish(self, pipe: int, reader: Reader) -> None:
        """Read what is left in a pipe that nobody writes to any more. To be called in the thread."""
        if self._paused.pop(pipe, None) is None:
            with suppress(KeyError, ValueError):
                self._selector.unregister(pipe)
        with suppress(OSError):
            while data := os.read(pipe, _CHUNK):
                reader.feed(data)
        reader.end()
        os.close(pipe)

    def _read(self, pipe: int, reader: Reader) -> None:
        if reader.must_wait:
            self._selector.unregister(pipe)
            self._paused[pipe] = reader
            return
        data = os.read(pipe, _CHUNK)
        if data:
            reader.feed(data)
        else:
            # It is closed by `finish`.
            self._selector.unregister(pipe)

    def _rest(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(4096)

    def _run(self) -> None:
        while not self._ends:
            self._handle(_PAUSE_SECONDS if self._paused else None)
            with suppress(Empty):
                while True:
                    self._guarded(self._calls.get_nowait())
            for pipe, reader in list(self._paused.items()):
                if not reader.must_wait:
                    del self._paused[pipe]
                    self.read(pipe, reader)
        # What came before the end was asked for may not have been seen: somebody may wait for what becomes of it.
        while self._handle(0):
            pass

    def _handle(self, seconds: float | None) -> bool:
        """Wait until something is readable, have a piece of each read, and return whether anything was."""
        found = False
        for callback in ready(self._selector, seconds):
            found = True
            self._guarded(callback)
        return found

    def _guarded(self, callback: Callback) -> None:
        try:
            callback()
        except Exception:
            # One child's trouble must not be every other's.
            log.exception("an event of a child was not handled because of a bug")
