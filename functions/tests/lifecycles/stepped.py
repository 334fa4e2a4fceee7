"""Threads that a test takes from place to place: each waits wherever it comes to `pause` until it is told to go on."""

import threading
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from core import context

SECONDS: Final = 120
"""How long a thread may take from one place to the next before the test fails."""


class Order(Enum):
    """How a thread is told to go on."""

    GO = auto()
    DIE = auto()
    """Do nothing more, as if its process were killed."""
    NOT_TAKEN = auto()
    """What is called doesn't take the call."""
    ANSWER_LOST = auto()
    """What is called does what it was asked for, and the answer never comes."""
    FAILS = auto()
    """What is called says that the agent didn't start."""
    TIMES_OUT = auto()
    """What is called says that the agent took too long."""


class Died(BaseException):
    """The thread of what has died is to end: nothing handles this."""


class Stepped:
    """Work in a thread of its own, which stands still whenever the test does something else."""

    def __init__(self, work: Callable[[], object]) -> None:
        """Begin the work, and return when it has come to its first place."""
        self.place = ""
        """Where it waits; empty once it has ended."""
        self.result: object = None
        self.error: BaseException | None = None
        self.leaving = False
        """Whether its worker was told to end."""
        self._work = work
        self._order = Order.GO
        self._told, self._arrived = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._wait()

    def advance(self, order: Order = Order.GO) -> None:
        """Let it go on to its next place, or to its end. Raises what the work raised."""
        if order == Order.DIE:
            # It stays where it is: not even what cleans up after it is done.
            self.place = ""
        if not self.place:
            return
        self._order = order
        self._told.release()
        self._wait()

    def end(self) -> None:
        """End the thread of what has died."""
        self._order = Order.DIE
        self._told.release()
        self._thread.join(SECONDS)

    def _wait(self) -> None:
        assert self._arrived.acquire(timeout=SECONDS), f"still on its way from {self.place!r}"
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        _here.thread = self
        try:
            with context.entered(context.Context.start(actor="system")):
                self.result = self._work()
        except Died:
            pass
        except BaseException as error:  # noqa: BLE001 - the test's thread raises it
            self.error = error
        self.place = ""
        self._arrived.release()

    def _pause(self, place: str) -> Order:
        self.place = place
        self._arrived.release()
        self._told.acquire()
        if self._order == Order.DIE:
            raise Died
        return self._order


class _Here(threading.local):
    thread: Stepped | None = None


_here = _Here()


def current() -> Stepped | None:
    """Return the stepped thread that this runs in; None in any other."""
    return _here.thread


def pause(place: str) -> Order:
    """Wait here until the test lets this thread go on, and return how; other threads just go on."""
    thread = current()
    return Order.GO if thread is None else thread._pause(place)
