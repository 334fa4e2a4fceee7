"""How a child ended."""

from dataclasses import dataclass
from enum import StrEnum


class ExitCause(StrEnum):
    """Why a child ended."""

    EXCEPTION = "exception"
    """An exception that nobody caught; `last_lines` has its traceback."""
    EXITED = "exited"
    """It ended by itself, with `code`."""
    SIGNAL = "signal"
    """A signal that the platform didn't send."""
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    CPU_EXCEEDED = "cpu_exceeded"
    TOO_MANY_PROCESSES = "too_many_processes"
    """It got around the limit that refuses one more."""
    TIMED_OUT = "timed_out"
    """It wasn't ready in time."""
    ENDED = "ended"
    """The platform ended it: it was idle, or no longer wanted, or the host itself ended."""


@dataclass(frozen=True)
class Exit:
    """The end of a child and of every process that it started."""

    cause: ExitCause
    code: int | None
    """With which its main process exited."""
    signal: int | None
    """By which its main process ended."""
    last_lines: tuple[str, ...]
    """Of what it wrote to stderr; 20 at most."""


class CannotWake(Exception):
    """The child ended before it was ready, or wasn't ready in time."""

    def __init__(self, exit_: Exit) -> None:
        """`exit_` says why."""
        super().__init__(exit_)
        self.exit = exit_


class BoundaryNotHeld(Exception):
    """What a child must not be able to do succeeded, or the kernel can't refuse it: no agent is started here."""
