"""A server process of our own: in the foreground of nobody, with a log file, known by its folder."""

import os
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from provisioning.local_settings import MARK
from tools.local.errors import LocalError
from tools.local.wait import until


@dataclass(eq=False)
class ManagedProcess:
    """One running server; use `start`."""

    name: str
    """What it is called in the topology."""
    process: "subprocess.Popen[bytes]"
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    ready: Callable[[], bool] = lambda: True
    """Whether it does its work."""
    asked: bool = False
    """Whether it was told to stop."""

    def wait_until(self, ready: Callable[[], bool] | None = None, *, seconds: float = 180) -> None:
        """Wait until it is `ready()`; raises LocalError with the end of the log when it dies or takes too long."""
        ready = ready or self.ready
        until(lambda: ready() or not self.alive, seconds=seconds)
        if not self.alive or not ready():
            what = "doesn't answer" if self.alive else f"ended with code {self.process.returncode}"
            message = f"{self.name} {what}; its log {self.log} ends: {self.last_words()}"
            raise LocalError(message)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def last_words(self) -> str:
        """Return the last line of the log that says something."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "(empty)"

    def end_children(self) -> None:
        """End what a process that has died left behind, unless it has a session of its own, as agents have."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def ask_to_stop(self) -> None:
        """Ask the process to end, once, and don't wait for it."""
        if self.alive and not self.asked:
            # A second time some take for "now, whatever you are at".
            self.asked = True
            self.process.send_signal(self.stop_signal)

    def stop(self, *, seconds: float = 20) -> None:
        """Stop the process: kindly, after `seconds` by force."""
        self.ask_to_stop()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def stop_all(processes: Collection[ManagedProcess]) -> None:
    """Stop processes side by side: all are asked before one is waited for."""
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.stop()


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    run: Path,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    descriptors: Sequence[int] = (),
    ready: Callable[[], bool] = lambda: True,
) -> ManagedProcess:
    """Start a server that belongs to the folder `run`, works in `cwd` and logs to `run/logs/<name>.log`.

    It inherits the open file `descriptors`.
    """
    log = run / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(environment or {}), MARK: str(run)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            # A session of its own: Ctrl-C at the keyboard must not reach it before those that use it have stopped.
            start_new_session=True,
        )
    return ManagedProcess(name, process, log, stop_signal, ready)
