"""A child: an agent that runs, or that is about to."""

import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock
from typing import Final

from . import process_tree
from .exits import Exit, ExitCause
from .limits import Limits
from .log_lines import Lines
from .messages import CREDENTIALS, End

READY: Final = b"ready\n"


class Child:
    """An agent that runs."""

    def __init__(self, key: str, mark: int, home: Path, limits: Limits, order: Callable[[End], None]) -> None:
        """Children.wake makes it."""
        self.key = key
        self.mark = mark
        self.home = home
        self.limits = limits
        self.ooms = ooms()
        """How often memory had run out on this machine before it was started."""
        self.door, self.inner_door = socket.socketpair()
        # The kernel says who has sent what is sent from now on.
        self.door.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.pid: int | None = None
        """Of its main process, once it serves, if that says so itself."""
        self.outputs: dict[int, Lines] = {}
        """What is read of it: stdout, and then stderr."""
        self.cause: ExitCause | None = None
        """Why the platform ends it, where it does."""
        self.exit: Exit | None = None
        """Set once no process of it is left."""
        self._order = order
        self._ended = Event()
        self._awaiting: list[Callable[[], None]] = []
        self._sending = Lock()
        self._settling = Lock()

    def own(self, key: str) -> None:
        """Be whose key this is."""
        self.key = key
        for lines in self.outputs.values():
            lines.key = key

    def connect(self) -> socket.socket:
        """Return a new connection, over which the child speaks HTTP/1.1. Raises OSError when it has ended."""
        # What it wrote about something else is no cause of an end that comes now.
        for lines in self.outputs.values():
            lines.forget()
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._sending:
                socket.send_fds(self.door, [b"c"], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
        return ours

    def wait_until_ready(self) -> bool:
        """Wait as long as the door's time-out until it says that it serves, and return whether it does."""
        said, ancillary, _, _ = self.door.recvmsg(len(READY), socket.CMSG_SPACE(CREDENTIALS.size))
        for _, kind, value in ancillary:
            if kind == socket.SCM_CREDENTIALS:
                sender = CREDENTIALS.unpack(value)[0]
                self.pid = sender if process_tree.mark_of(sender) == self.mark else None
        return said == READY

    @property
    def processor_seconds(self) -> float | None:
        """Return the processor time of its main process and of those that it waited for, if that is known."""
        return None if self.pid is None or self.exit is not None else process_tree.processor_seconds(self.pid)

    def end(self, grace: float, cause: ExitCause = ExitCause.ENDED) -> Exit:
        """Send SIGTERM, kill every process of it `grace` seconds later, and return how it ended."""
        self.begin_end(grace, cause)
        return self.wait()

    def begin_end(self, grace: float, cause: ExitCause) -> None:
        """Do so without waiting for it."""
        self.cause = self.cause or cause
        self._order(End(self.mark, grace))

    def ends_within(self, seconds: float) -> bool:
        """Return whether no process of it is left, after waiting for that."""
        return self._ended.wait(max(0, seconds))

    def wait(self) -> Exit:
        """Wait until no process of it is left, and return how it ended."""
        self._ended.wait()
        assert self.exit is not None  # noqa: S101 - it is set before the event
        return self.exit

    def when_ended(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once no process of it is left, in another thread unless that is so already."""
        with self._settling:
            if self.exit is None:
                self._awaiting.append(tell)
                return
        tell()

    def settle(self, exit_: Exit) -> None:
        """Take in how it ended."""
        with self._settling:
            self.exit = exit_
        self.door.close()
        self._ended.set()
        for tell in self._awaiting:
            tell()


def ooms() -> int:
    """Return how often the kernel has ended a process because memory had run out, since the machine started."""
    try:
        counts = Path("/proc/vmstat").read_text(encoding="ascii")
        return int(counts.partition("\noom_kill ")[2].split(maxsplit=1)[0])
    except (OSError, IndexError):
        return 0
