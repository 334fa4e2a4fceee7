"""Processes that outlive whoever started them: known by their id and the time they started, so that no other is hit."""

import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Self

_children: Final[set[int]] = set()
"""Processes that this one started and hasn't reaped yet; a zombie would otherwise stay until this process ends."""


@dataclass(frozen=True)
class Process:
    """A process that leads a session of its own."""

    pid: int
    started: int
    """In ticks since the machine started, which no change of its clock moves: two processes of one id differ in it."""
    address: str
    """The base URL at which it answers."""

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """Return the process that is written down in `file`; None when there is none."""
        try:
            entry = json.loads(file.read_text(encoding="utf-8"))
            return cls(int(entry["pid"]), int(entry["started"]), str(entry["address"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, file: Path) -> None:
        """Write the process down, so that it can be found again."""
        draft = file.with_name(f"{file.name}.draft")
        draft.write_text(json.dumps(vars(self)), encoding="utf-8")
        draft.replace(file)

    @property
    def lives(self) -> bool:
        """Return whether this very process still runs."""
        reap()
        found = _stat(self.pid)
        return found is not None and found == ("alive", self.started)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and all of its session's group, if it lives."""
        if self.lives:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def kill(self, timeout: float = 3) -> None:
        """End it by force and wait until it is gone, for `timeout` seconds at most. Raises TimeoutError."""
        self.signal(signal.SIGKILL)
        until = monotonic() + timeout
        while self.lives:
            if monotonic() > until:
                raise TimeoutError(f"process {self.pid} survives being killed")
            sleep(0.02)


def spawn(arguments: list[str], environment: dict[str, str], *, log: Path, descriptor: int) -> Process | None:
    """Start a program in a session of its own, with its output going to `log`, and return it without an address.

    It inherits nothing but the open file `descriptor`, under the number 3. None when it has ended already.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        arguments[0],
        arguments,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, descriptor, 3),
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    _children.add(pid)
    found = _stat(pid)
    return None if found is None else Process(pid, found[1], "")


def reap() -> None:
    """Reap child processes that have ended."""
    for pid in list(_children):
        try:
            ended, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            ended = pid
        if ended:
            _children.discard(pid)


def _stat(pid: int) -> tuple[str, int] | None:
    """Return whether a process is `alive` or a `zombie`, and when it started; None when there is no such process."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may hold any character, so the fields are counted from behind it.
    fields = line.rpartition(")")[2].split()
    return ("zombie" if fields[0] in "ZX" else "alive"), int(fields[19])
