"""Replies that aren't there yet: looked for until they are, with no thread and no transaction taken in between."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from functions.runtime.declarations import Later
from functions.runtime.http.resting import Rest

if TYPE_CHECKING:
    from functions.runtime.declarations import Returned


class Look(Protocol):
    """Looks for a reply."""

    def __call__(self, *, late: bool) -> "Returned | None":
        """Return it, or None as long as there is none: if it is `late`, what is replied instead."""


class Waiting(Later):
    """A reply that is waited for, for some time."""

    def __init__(
        self,
        look: Look,
        *,
        seconds: float,
        pace: Callable[[float], float],
        on_leave: Callable[[], None] | None = None,
        following: Callable[[Callable[[], None]], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        """Have `look` return the reply, late when so many seconds are over.

        `pace` returns for how long to rest when so many seconds were waited, and `on_leave` is called when the client
        has gone before the reply. Inside of the block that `following` returns, what it is given is called where a rest
        is to end early.
        """
        self._look = look
        self._seconds = seconds
        self._pace = pace
        self._on_leave = on_leave
        self._following = following

    @override
    def parts(self, rest: Rest) -> "Generator[bytes, None, Returned]":
        """Yield an empty part for each rest, and return the reply at last. Raises what `look` raises."""
        with self._following(rest.wake):
            return (yield from self._parts(rest))

    def _parts(self, rest: Rest) -> "Generator[bytes, None, Returned]":
        began = monotonic()
        waited = 0.0
        try:
            while (reply := self._look(late=waited >= self._seconds)) is None:
                rest(min(self._pace(waited), self._seconds - waited))
                yield b""
                waited = monotonic() - began
        except GeneratorExit:
            if self._on_leave is not None:
                self._on_leave()
            raise
        return reply
