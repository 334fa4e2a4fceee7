"""Spare children: forked and behind their boundaries already, they wait for whose agent they are to be.

A version that was woken has one, until nobody has woken it for a while, so that the next instance of it doesn't wait
for a fork. A spare is a child as any, with limits and a folder of its own; but it has been told nothing of anybody's.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Final

from .child import Child
from .code import Code
from .exits import ExitCause
from .limits import Limits

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 300
"""How long a version's spare stays without an instance of it being woken: as long as the version's zygote."""

MOST: Final = 16
"""How many there may be."""


@dataclass
class _Spare:
    code: Code
    limits: Limits
    child: Child
    wanted_at: float = field(default_factory=monotonic)


class Spares:
    """The spares of one process, made by a thread of their own, so that nobody who wakes an agent waits for them."""

    def __init__(self, begin: Callable[[Code, Limits], Child], has_room: Callable[[], bool]) -> None:
        """`begin` has a child started; it is not called without room."""
        self._begin = begin
        self._has_room = has_room
        self._lock = Lock()
        self._spares: dict[str, _Spare] = {}
        """By the versions' digests, the one that was wanted last at the end."""
        self._wanted: SimpleQueue[tuple[Code, Limits] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True, name="spare children")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more. Those that wait are ended by whoever ends all children."""
        self._wanted.put(None)
        self._thread.join()

    def take(self, code: Code, limits: Limits) -> Child | None:
        """Return the spare of a version, which is none any more; None if there is none with these limits."""
        with self._lock:
            spare = self._spares.get(code.digest)
            if spare is None or (spare.code, spare.limits) != (code, limits):
                return None
            del self._spares[code.digest]
        return spare.child if _waits(spare.child) else None

    def want(self, code: Code, limits: Limits) -> None:
        """Have one made, unless the version has one."""
        self._wanted.put((code, limits))

    def discard_oldest(self) -> None:
        """Have the one end whose version was woken longest ago, if there is any."""
        with self._lock:
            digest = next(iter(self._spares), None)
            spare = self._spares.pop(digest) if digest is not None else None
        if spare is not None:
            spare.child.begin_end(0, ExitCause.ENDED)

    def _run(self) -> None:
        while True:
            with suppress(Empty):
                wanted = self._wanted.get(timeout=self._patience())
                if wanted is None:
                    return
                try:
                    self._make(*wanted)
                except Exception:
                    log.exception("no child was forked ahead because of a bug")
            self._expire()

    def _make(self, code: Code, limits: Limits) -> None:
        with self._lock:
            spare = self._spares.pop(code.digest, None)
            if spare is not None and spare.code == code and _waits(spare.child):
                # It was of other limits, or somebody else has wanted it already.
                spare.wanted_at = monotonic()
                self._spares[code.digest] = spare
                return
        if spare is not None:
            spare.child.begin_end(0, ExitCause.ENDED)
        if len(self._spares) >= MOST:
            self.discard_oldest()
        if self._has_room():
            made = _Spare(code, limits, self._begin(code, limits))
            with self._lock:
                self._spares[code.digest] = made

    def _patience(self) -> float | None:
        """Return in how many seconds the first is idle for too long; None if there is none."""
        with self._lock:
            oldest = min((each.wanted_at for each in self._spares.values()), default=None)
        return None if oldest is None else max(0.0, oldest + IDLE_SECONDS - monotonic())

    def _expire(self) -> None:
        now = monotonic()
        with self._lock:
            idle = [digest for digest, each in self._spares.items() if each.wanted_at + IDLE_SECONDS <= now]
            ended = [self._spares.pop(digest) for digest in idle]
        for each in ended:
            each.child.begin_end(0, ExitCause.ENDED)


def _waits(child: Child) -> bool:
    """Return whether a child is there, and nobody has it end."""
    return child.exit is None and child.cause is None
