"""What children print, as lines, within a limit."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

LINE_BYTES: Final = 8 * 1024
"""A longer line is cut into several."""

LAST_LINES: Final = 20

TRACEBACK: Final = "Traceback (most recent call last):"
"""How Python begins to tell of an exception."""

_READ_AHEAD: Final = 8
"""So many times what is kept in a second is read and dropped, before whoever prints has to wait for the next second."""


@dataclass(frozen=True)
class LogLine:
    """A line that a child printed."""

    key: str
    """Of the child."""
    stream: str
    """`stdout` or `stderr`."""
    text: str


class Lines:
    """One stream of a child."""

    def __init__(self, bytes_per_second: int, say: Callable[[str], None]) -> None:
        """Have `say` called with each line, as far as they are no more than so much in each second."""
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        """The last lines, those that were dropped too."""
        self.has_traceback = False
        self._limit = bytes_per_second
        self._say = say
        self._part = b""
        self._second = 0
        self._kept = 0
        self._read = 0
        self._dropped = 0

    @property
    def must_wait(self) -> bool:
        """Return whether nothing more is to be read in this second."""
        self._turn()
        return self._read >= self._limit * _READ_AHEAD

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        self._read += len(data)
        *whole, self._part = (self._part + data).split(b"\n")
        for line in whole:
            self._take(line)
        if len(self._part) > LINE_BYTES:
            self._take(self._part)
            self._part = b""

    def forget(self) -> None:
        """Have none of what was written by now among the last lines."""
        self.last.clear()
        self.has_traceback = False

    def end(self) -> None:
        """Take in that nothing more comes."""
        if self._part:
            self._take(self._part)
            self._part = b""
        self._tell_dropped()

    def _take(self, line: bytes) -> None:
        for start in range(0, max(1, len(line)), LINE_BYTES):
            text = line[start : start + LINE_BYTES].decode("utf-8", "replace")
            self.last.append(text)
            self.has_traceback |= text.startswith(TRACEBACK)
            self._turn()
            if self._kept + len(text) > self._limit:
                self._dropped += 1
            else:
                self._tell_dropped()
                self._kept += len(text) + 1
                self._say(text)

    def _tell_dropped(self) -> None:
        if self._dropped:
            self._say(f"[{self._dropped} lines were dropped: {self._limit} bytes a second are kept]")
            self._dropped = 0

    def _turn(self) -> None:
        second = int(monotonic())
        if second != self._second:
            self._second, self._kept, self._read = second, 0, 0
