"""What children print, as lines with a level, within a limit."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

LINE_BYTES: Final = 16 * 1024
"""What a longer line has beyond that is dropped."""

LINE_COST: Final = 64
"""Bytes that a line counts beside its text, so that many empty ones are no way around the limit."""

LAST_LINES: Final = 20

PLATFORM: Final = "platform"
"""The stream of what is said about a child's lines, which it can't write to."""

TRACEBACK: Final = "Traceback (most recent call last):"
"""How Python begins to tell of an exception."""

_READ_AHEAD: Final = 8
"""So many times what is kept in a second is read and dropped, before whoever prints has to wait for the next second."""

_LEVELS: Final = {"stdout": "info", "stderr": "error"}
"""Of lines that don't say theirs."""

_PREFIXES: Final = dict(zip("01234567", ("critical",) * 3 + ("error", "warning", "info", "info", "debug"), strict=True))
"""The levels of syslog as sd-daemon(3) has them, `<4>` at the beginning of a line for a warning."""

_NAMES: Final = {
    **dict.fromkeys(("trace", "debug"), "debug"),
    **dict.fromkeys(("info", "informational", "notice", "default"), "info"),
    **dict.fromkeys(("warn", "warning"), "warning"),
    **dict.fromkeys(("err", "error"), "error"),
    **dict.fromkeys(("critical", "fatal", "alert", "emerg", "emergency"), "critical"),
}
"""What loggers call them, in lower case."""


@dataclass(frozen=True)
class LogLine:
    """A line that a child printed."""

    key: str
    """Of the child."""
    stream: str
    """`stdout`, `stderr` or PLATFORM."""
    level: str
    """`debug`, `info`, `warning`, `error` or `critical`."""
    text: str
    cut: bool = False
    """Whether it was longer."""


class Lines:
    """One stream of a child."""

    def __init__(self, key: str, stream: str, bytes_per_second: int, say: Callable[[LogLine], None]) -> None:
        """Have `say` called with each line, as far as they are no more than so much in each second."""
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        """The last lines, those that were dropped too."""
        self.has_traceback = False
        self.key = key
        """Whose lines they are."""
        self._stream = stream
        self._limit = bytes_per_second
        self._say = say
        self._part = bytearray()
        self._length = 0
        """That of the line so far, of which `_part` is the beginning."""
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
        first, *others = data.split(b"\n")
        self._add(first)
        for each in others:
            self._take()
            self._add(each)

    def forget(self) -> None:
        """Have none of what was written by now among the last lines."""
        self.last.clear()
        self.has_traceback = False

    def end(self) -> None:
        """Take in that nothing more comes."""
        if self._length:
            self._take()
        self._tell_dropped()

    def _add(self, piece: bytes) -> None:
        self._length += len(piece)
        self._part += piece[: LINE_BYTES - len(self._part)]

    def _take(self) -> None:
        """Take the line that is complete."""
        line, cut = self._part.decode("utf-8", "replace"), self._length > len(self._part)
        self._part.clear()
        self._length = 0
        level, text = _levelled(self._stream, line)
        self.last.append(text)
        self.has_traceback |= text.startswith(TRACEBACK)
        self._turn()
        if self._kept + len(text) > self._limit:
            self._dropped += 1
        else:
            self._tell_dropped()
            self._kept += len(text) + LINE_COST
            self._say(LogLine(self.key, self._stream, level, text, cut))

    def _tell_dropped(self) -> None:
        if self._dropped:
            words = f"{self._dropped} lines of {self._stream} were dropped: {self._limit} bytes a second are kept."
            self._say(LogLine(self.key, PLATFORM, "warning", words))
            self._dropped = 0

    def _turn(self) -> None:
        second = int(monotonic())
        if second != self._second:
            self._second, self._kept, self._read = second, 0, 0


def _levelled(stream: str, line: str) -> tuple[str, str]:
    """Return a line's level, by what it says itself or else by its stream, and the line without a prefix for it."""
    if line[:1] == "<" and line[2:3] == ">" and line[1] in _PREFIXES:
        return _PREFIXES[line[1]], line[3:]
    told = _told(line) if line[:1] == "{" else None
    return told or _LEVELS[stream], line


def _told(line: str) -> str | None:
    """Return the level in a line of JSON."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    names = (told.get(each) for each in ("level", "severity"))
    return next((_NAMES[name.lower()] for name in names if isinstance(name, str) and name.lower() in _NAMES), None)
