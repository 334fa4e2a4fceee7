"""Responses that go on: Server-Sent Events, as browsers' EventSource reads them.

A stream ends after a while, and the client opens the next one by itself, from the last event that it has seen: so a
caller who is shut out meanwhile is so for good, and a container can end without cutting anybody off.
"""

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar, Final

from typing_extensions import override

from functions.domain.api_errors import ApiError
from functions.runtime.declarations import Later
from functions.runtime.http.resting import Rest

log = logging.getLogger(__name__)

SECONDS: Final = 20
"""How long a stream lasts: less than what a container has to end."""

REST_SECONDS: Final = 0.5
"""Between two looks at whether there is something new."""

HEARTBEAT_SECONDS: Final = 3
"""After so long without an event a comment tells the client that the stream goes on: some give up after five."""

RETRY: Final = b"retry: 500\n\n"
"""Tells a client after how many milliseconds it opens the next stream."""

CONTENT_TYPE: Final = "text/event-stream"

HEADERS: Final = {
    "Cache-Control": "no-store",
    # Tells nginx to pass on each part as it comes.
    "X-Accel-Buffering": "no",
}

HEARTBEAT: Final = b":\n\n"


@dataclass(frozen=True)
class Frame:
    """An event as it is sent."""

    data: str
    id: str | int | None = None
    """By which a client says where it goes on; None if it can't go on behind this one."""
    event: str | None = None
    """Its type; None for one that has none, which EventSource calls `message`."""

    def encoded(self) -> bytes:
        """Return it as bytes of the stream."""
        head = "" if self.id is None else f"id: {self.id}\n"
        head += "" if self.event is None else f"event: {self.event}\n"
        lines = "".join(f"data: {line}\n" for line in self.data.split("\n"))
        return f"{head}{lines}\n".encode()


@dataclass(frozen=True)
class Read:
    """What there is after a number."""

    frames: Sequence[Frame]
    """In their order."""
    until: int
    """The number up to which that is all."""
    more: bool = False
    """Whether there is more already."""
    ended: bool = False
    """Whether nothing comes after it."""


class EventStream(Later):
    """Events after a number, from what is there on, as they come."""

    streams = True
    tells_retry: ClassVar[bool] = True
    """Whether the client is told when to come again: some that don't come by themselves take that for an event."""

    def __init__(
        self,
        read: Callable[[int], Read],
        *,
        after: int,
        seconds: float | None = None,
        pace: Callable[[float], float] | None = None,
        on_leave: Callable[[], None] | None = None,
    ) -> None:
        """Have `read` return what there is after a number, from `after` on.

        `seconds` is how long the stream lasts, `pace` returns for how long it rests when there was nothing new for some
        seconds, and `on_leave` is called when the client has gone before the end.
        """
        self._read = read
        self._after = after
        self._seconds = SECONDS if seconds is None else seconds
        self._pace = pace or _steady
        self._on_leave = on_leave

    @override
    def parts(self, rest: Rest) -> Generator[bytes, None, None]:
        """Yield the stream piece by piece; `rest` waits, or has the server wait after the next piece."""
        # What is there already comes together with how the stream begins.
        begun = not self.tells_retry
        try:
            for part in self._events(rest):
                yield part if begun else RETRY + part
                begun = True
        except GeneratorExit:
            if self._on_leave is not None:
                self._on_leave()
            raise
        except ApiError as api_error:
            # The client comes again, and is refused until it works.
            log.warning("a stream has ended early: %s", api_error.code)
            if not begun:
                yield RETRY

    def _events(self, rest: Rest) -> Generator[bytes, None, None]:
        now = spoke = heard = monotonic()
        end = now + self._seconds
        while now < end:
            read = self._read(self._after)
            self._after = read.until
            now = monotonic()
            if read.frames:
                spoke = heard = now
            if not (read.more or read.ended):
                rest(self._pace(now - heard))
            part = b"".join(frame.encoded() for frame in read.frames)
            if not part and now - spoke >= HEARTBEAT_SECONDS:
                part, spoke = HEARTBEAT, now
            yield part
            if read.ended:
                return
            now = monotonic()


def _steady(_idle: float) -> float:
    return REST_SECONDS
