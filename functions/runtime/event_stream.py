"""Responses that go on: Server-Sent Events, as browsers' EventSource reads them.

A stream ends after a while, and the client opens the next one by itself, from the last event that it has seen: so a
caller who is shut out meanwhile is so for good, and a container can end without cutting anybody off.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from functions.domain.api_errors import Unavailable
from functions.schemas.base import Reply

log = logging.getLogger(__name__)

SECONDS: Final = 20
"""How long a stream lasts: less than what a container has to end."""

REST_SECONDS: Final = 0.5
"""Between two looks at whether there is something new. A comment in between tells the client that it goes on."""

RETRY_MILLISECONDS: Final = 500
"""After which a client opens the next stream."""

CONTENT_TYPE: Final = "text/event-stream"

HEADERS: Final = {
    "Cache-Control": "no-store",
    # Tells nginx to pass on each part as it comes.
    "X-Accel-Buffering": "no",
}


@dataclass(frozen=True)
class Read:
    """What there is after a number."""

    events: Sequence[tuple[int, Reply]]
    """Each with its number, in their order."""
    until: int
    """The number up to which that is all."""
    more: bool = False
    """Whether there is more already."""


class EventStream:
    """Events by their numbers, from what is there on, as they come."""

    def __init__(self, read: Callable[[int], Read], *, after: int) -> None:
        """Have `read` return what there is after a number, from `after` on."""
        self._read = read
        self._after = after

    def parts(self, rest: Callable[[float], None]) -> Iterator[bytes]:
        """Yield the stream piece by piece; `rest` waits, or has the server wait after the next piece."""
        yield b"retry: %d\n\n" % RETRY_MILLISECONDS
        end = monotonic() + SECONDS
        while monotonic() < end:
            try:
                read = self._read(self._after)
            except Unavailable:
                # The client comes again, and is refused until it works.
                log.warning("a stream has ended early: what it reads from is away")
                return
            self._after = read.until
            if not read.more:
                rest(REST_SECONDS)
            yield "".join(_event(number, reply) for number, reply in read.events).encode() or b":\n\n"


def _event(number: int, reply: Reply) -> str:
    return f"id: {number}\ndata: {json.dumps(reply.model_dump(mode='json'), ensure_ascii=False)}\n\n"
