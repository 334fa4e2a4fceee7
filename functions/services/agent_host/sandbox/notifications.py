"""System calls of others that wait for a decision: seccomp's user notifications.

A call's arguments are numbers, which can't change any more. What they point to lies in the caller's memory and can:
it is read once, and nothing but what was read counts.
"""

import fcntl
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NOTIFICATION: Final = struct.Struct("=QIIiIQ6Q")
_RESPONSE: Final = struct.Struct("=QqiI")
_ID: Final = struct.Struct("=Q")
_ADDED_FILE: Final = struct.Struct("=QIIII")

_WRITE: Final = 1
_READ_WRITE: Final = 3


def _request(direction: int, code: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("!") << 8 | code


_RECEIVE: Final = _request(_READ_WRITE, 0, _NOTIFICATION.size)
_SEND: Final = _request(_READ_WRITE, 1, _RESPONSE.size)
_IS_VALID: Final = _request(_WRITE, 2, _ID.size)
_ADD_FILE: Final = _request(_WRITE, 3, _ADDED_FILE.size)

_CONTINUE: Final = 1
_SET_NUMBER: Final = 1


@dataclass(frozen=True)
class Call:
    """A system call that waits."""

    listener: int
    id: int
    thread: int
    """The id of the thread that makes it."""
    number: int
    arguments: tuple[int, ...]

    def read(self, address: int, length: int) -> bytes | None:
        """Return a piece of the caller's memory; None when it can't be read, or the caller is gone."""
        try:
            file = os.open(f"/proc/{self.thread}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            data = os.pread(file, length, address)
        except (OSError, OverflowError):
            return None
        finally:
            os.close(file)
        # Only now it is certain that the memory was that caller's, and not another's who got its number.
        return data if self.waits else None

    def flags_of(self, descriptor: int) -> int | None:
        """Return the flags of an open file of the caller's; None when there is no such file."""
        try:
            text = Path(f"/proc/{self.thread}/fdinfo/{descriptor}").read_text(encoding="ascii")
        except OSError:
            return None
        found = text.partition("flags:")[2].split(maxsplit=1)
        return int(found[0], 8) if found and self.waits else None

    @property
    def waits(self) -> bool:
        """Return whether the call still waits."""
        try:
            fcntl.ioctl(self.listener, _IS_VALID, _ID.pack(self.id))
        except OSError:
            return False
        return True

    def proceed(self) -> None:
        """Let the kernel do what was asked."""
        self._respond(0, _CONTINUE)

    def fail(self, error: int) -> None:
        """Have the call fail with an error's number."""
        self._respond(-error, 0)

    def succeed(self) -> None:
        """Have the call return 0 without being done."""
        self._respond(0, 0)

    def replace(self, descriptor: int, file: int, flags: int) -> bool:
        """Put an open file in the place of one of the caller's; return whether the caller was still there."""
        try:
            fcntl.ioctl(self.listener, _ADD_FILE, _ADDED_FILE.pack(self.id, _SET_NUMBER, file, descriptor, flags))
        except OSError:
            return False
        return True

    def _respond(self, error: int, flags: int) -> None:
        # The caller may have been killed meanwhile, or gone on to handle a signal.
        with suppress(OSError):
            fcntl.ioctl(self.listener, _SEND, bytearray(_RESPONSE.pack(self.id, 0, error, flags)))


def receive(listener: int) -> Call | None:
    """Return the next call that waits; None when who made it is gone already."""
    buffer = bytearray(_NOTIFICATION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except OSError:
        return None
    identity, thread, _, number, _, _, *arguments = _NOTIFICATION.unpack(buffer)
    return Call(listener, identity, thread, number, tuple(arguments))
