"""What the processes of the sandbox tell one another: JSON, each message whole, with open files, by inherited sockets.

What comes from a process that has run an author's code is taken for what anybody could have sent.
"""

import json
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Self

_LONGEST: Final = 64 * 1024
_FILES: Final = 8
CREDENTIALS: Final = struct.Struct("3i")
"""What the kernel says of who has sent a message: the ids of its process, user and group."""

_INT: Final = struct.Struct("i")


class NoMessage(Exception):
    """What was received is no message."""


@dataclass(frozen=True)
class Wake:
    """Start a child: the host to the spawner. With it come its door, stdout and stderr."""

    mark: int
    zygote_mark: int
    """Of the version's zygote: the same for all of a version's children, and higher than any of theirs."""
    home: str
    """Its own folder."""
    digest: str
    code: str
    packages: str | None
    limits: dict[str, int]


@dataclass(frozen=True)
class End:
    """End a child: the host to the spawner."""

    mark: int
    grace: float
    """Seconds between SIGTERM and the end of everything."""


@dataclass(frozen=True)
class Ended:
    """No process of a child is there any more: the spawner to the host."""

    mark: int
    code: int | None
    signal: int | None
    cpu_seconds: float
    """Of its main process and those that it waited for."""


@dataclass(frozen=True)
class Bounded:
    """The boundary is on: whatever the spawner forks to it. With it comes the file that tells of its calls, if any."""


@dataclass(frozen=True)
class Ready:
    """A version zygote to the spawner: the author's code is loaded, or a child forked, and it is at rest.

    The spawner to the host: all is loaded.
    """


@dataclass(frozen=True)
class Unfit:
    """Nothing can be forked: a version zygote to the spawner, or the spawner to the host, before it ends."""

    reason: str


@dataclass(frozen=True)
class Fork:
    """Fork a child: the spawner to a version zygote. With it come its door, stdout and stderr."""

    mark: int
    home: str
    limits: dict[str, int]


@dataclass(frozen=True)
class Here:
    """This process is the child: a child to the spawner, by the version zygote's channel."""

    mark: int


Content = Wake | End | Ended | Bounded | Ready | Unfit | Fork | Here

_KINDS: Final[dict[str, type[Content]]] = {
    each.__name__: each for each in (Wake, End, Ended, Bounded, Ready, Unfit, Fork, Here)
}


@dataclass(frozen=True)
class Received:
    """A message that was received."""

    content: Content
    files: list[int]
    """Open files that came with it; whoever takes the message closes them."""
    sender: int
    """The process that sent it, by the kernel's word; 0 where the channel doesn't ask for it."""


class Channel:
    """One end of a pair of sockets."""

    def __init__(self, connection: socket.socket) -> None:
        """Take one end of a pair of SOCK_SEQPACKET."""
        self.socket = connection

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """Return both ends."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(one), cls(other)

    def fileno(self) -> int:
        """Return the number of the socket."""
        return self.socket.fileno()

    def ask_senders(self) -> None:
        """Have the kernel say from now on which process sent a message."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def send(self, content: Content, files: Sequence[int] = ()) -> None:
        """Send a message. Raises OSError when nobody is there to receive it."""
        told = {"kind": type(content).__name__, **asdict(content)}
        socket.send_fds(self.socket, [json.dumps(told).encode()], list(files))

    def receive(self) -> Received | None:
        """Wait for a message and return it, None when the other end is closed. Raises NoMessage."""
        room = socket.CMSG_SPACE(_FILES * _INT.size) + socket.CMSG_SPACE(CREDENTIALS.size)
        try:
            data, ancillary, _, _ = self.socket.recvmsg(_LONGEST, room, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            return None
        files: list[int] = []
        sender = 0
        for _, kind, value in ancillary:
            if kind == socket.SCM_RIGHTS:
                files += (number for (number,) in _INT.iter_unpack(value[: len(value) // _INT.size * _INT.size]))
            elif kind == socket.SCM_CREDENTIALS:
                sender = CREDENTIALS.unpack(value)[0]
        if not data:
            return None
        try:
            told = json.loads(data)
            content = _KINDS[told.pop("kind")](**told)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            close(files)
            raise NoMessage from None
        return Received(content, files, sender)

    def close(self) -> None:
        """Close this end."""
        self.socket.close()


def close(files: Sequence[int]) -> None:
    """Close open files by their numbers."""
    for each in files:
        os.close(each)
