"""Endings: how an agent's processes came to their end, as its owner is told."""

import signal
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

MAX_CHARACTERS: Final = 600
"""What is told of a traceback, from its end."""


class Cause(StrEnum):
    """What ended them."""

    EXCEPTION = "exception"
    EXITED = "exited"
    SIGNAL = "signal"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    CPU_EXCEEDED = "cpu_exceeded"
    TOO_MANY_PROCESSES = "too_many_processes"
    TIMED_OUT = "timed_out"
    CUT = "cut"
    ENDED = "ended"


class Ending(BaseModel):
    """How an agent's processes ended."""

    model_config = ConfigDict(frozen=True)

    cause: Cause
    code: int | None = None
    """The exit code."""
    signal: int | None = None
    last_lines: tuple[str, ...] = ()
    """Of what it wrote to standard error."""

    def sentence(self) -> str:
        """Return what happened, in a sentence without its full stop, with the last of what the agent wrote."""
        said = _last_of(self.last_lines)
        told = self._told()
        return f"{told}:\n{said}" if said else told

    def _told(self) -> str:
        return _TOLD[self.cause].format(code=self.code, signal=_name(self.signal))


_TOLD: Final = {
    Cause.EXCEPTION: "it raised an exception",
    Cause.EXITED: "it ended with the exit code {code}",
    Cause.SIGNAL: "it was ended by {signal}",
    Cause.OUT_OF_MEMORY: "it took more memory than its limit allows",
    Cause.DISK_FULL: "it wrote more to its folder than its limit allows",
    Cause.CPU_EXCEEDED: "it took more processor time than its limit allows",
    Cause.TOO_MANY_PROCESSES: "it started more processes than its limit allows",
    Cause.TIMED_OUT: "it took too long to start",
    Cause.CUT: "it cut the connection",
    Cause.ENDED: "the platform ended it",
}


def _last_of(lines: tuple[str, ...]) -> str:
    """Return as many whole lines from the end as there is room for, or the end of the last one."""
    room = MAX_CHARACTERS
    kept: list[str] = []
    for line in reversed(lines):
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join(reversed(kept)) or "".join(lines[-1:])[-MAX_CHARACTERS:]


def _name(number: int | None) -> str:
    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return f"the signal {number}"
