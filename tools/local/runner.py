"""Run processes side by side, start again what dies, and say in a line what went wrong."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tools.local.servers import managed_process
from tools.local.servers.managed_process import ManagedProcess

TIMEOUT: Final = 120
"""Seconds that a process may take until it does its work."""

PAUSE: Final = 0.2
"""Seconds between two looks at the processes and their logs."""

QUICK: Final = 10.0
"""Seconds: what dies twice within them won't be helped by another start at once."""

LONG_PAUSE: Final = 30.0
"""Seconds until it is started again then."""

SHORT_PAUSE: Final = 1.0
"""Seconds until anything else is started again."""

LAST_LINES: Final = 5
"""Lines of its log that are shown of what dies twice."""


@dataclass
class Service:
    """A process that is kept running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    check: Callable[[], object]
    process: ManagedProcess | None = None
    died: list[float] = field(default_factory=list)
    """When it died, by the monotonic clock."""
    due: float = 0.0
    """When it is to be started again, by the monotonic clock."""
    read: int = 0
    """Bytes of its log that were looked at."""
    shown: str = ""
    """The last line of its log that was shown."""

    def died_twice(self) -> bool:
        """Return whether it died for the second time in a short while."""
        return len(self.died) > 1 and self.died[-1] - self.died[-2] < QUICK


class Runner:
    """The processes of one run."""

    def __init__(self, run: Path, servers: Sequence[ManagedProcess]) -> None:
        """Run in the folder `run`; when one of `servers` dies, everything ends."""
        self.run = run
        self.servers = servers
        self.services: list[Service] = []

    def add(
        self,
        commands: Mapping[str, Sequence[str]],
        checks: Mapping[str, Callable[[], object]],
        environment: Mapping[str, str],
    ) -> None:
        """Add processes: the command and the check of each, by name, and their environment."""
        self.services += [Service(name, command, dict(environment), checks[name]) for name, command in commands.items()]

    def loop(self, welcome: Callable[[], None]) -> str | None:
        """Run until KeyboardInterrupt, or until nothing can go on; call `welcome` when all do their work.

        Returns what went wrong, or None. What dies is started again: at once when it had lived for a while, and after
        LONG_PAUSE when it dies again within QUICK seconds. Before `welcome` the latter ends the run.
        """
        try:
            return self._start(welcome) or self._watch(None)
        except KeyboardInterrupt:
            return None
        finally:
            self._stop()

    def _start(self, welcome: Callable[[], None]) -> str | None:
        for service in self.services:
            self._start_service(service)
        for service in self.services:
            if trouble := self._watch(service):
                return trouble
        welcome()
        return None

    def _watch(self, awaited: Service | None) -> str | None:
        """Watch over everything until `awaited` does its work, or for ever; return what went wrong."""
        end = time.monotonic() + TIMEOUT
        while True:
            for service in self.services:
                trouble = self._look_after(service, is_up=awaited is None)
                if trouble:
                    return trouble
            for server in self.servers:
                if not server.alive:
                    return f"{server.name} ended; its log {server.log} ends: {server.last_words()}"
            if awaited is not None and awaited.check():
                return None
            if awaited is not None and time.monotonic() > end:
                return f"{awaited.name} doesn't do its work after {TIMEOUT} seconds: see {_log(self.run, awaited)}"
            time.sleep(PAUSE)

    def _look_after(self, service: Service, *, is_up: bool) -> str | None:
        self._show(service)
        if service.process is None:
            if time.monotonic() >= service.due:
                self._start_service(service)
        elif not service.process.alive:
            code = service.process.process.returncode
            # nginx' workers would keep its port.
            service.process.end_children()
            service.process = None
            service.died.append(time.monotonic())
            if not service.died_twice():
                service.due = time.monotonic() + SHORT_PAUSE
                _say(
                    f"{service.name} ended with code {code} and is started again; its log is {_log(self.run, service)}"
                )
                return None
            lines = "".join(f"\n    {_short(line)}" for line in self._lines(service)[-LAST_LINES:])
            told = f"{service.name} ended again, with code {code}; its log {_log(self.run, service)} ends:{lines}"
            if not is_up:
                return told
            service.due = time.monotonic() + LONG_PAUSE
            _say(f"{told}\n  everything else goes on; the next try is in {LONG_PAUSE:.0f} seconds")
        return None

    def _start_service(self, service: Service) -> None:
        log = _log(self.run, service)
        service.read = log.stat().st_size if log.exists() and not service.died else service.read
        service.process = managed_process.start(
            service.name, service.command, run=self.run, cwd=self.run, environment=service.environment
        )

    def _show(self, service: Service) -> None:
        """Show the warnings and errors that a process has logged since it was last looked at."""
        with _log(self.run, service).open("rb") as file:
            file.seek(service.read)
            found, complete, _ = file.read().rpartition(b"\n")
            service.read += len(found) + len(complete)
        for line in found.decode(errors="replace").splitlines():
            shown = _worth_showing(line)
            # What is repeated while something is away is said once.
            if shown and shown != service.shown:
                service.shown = shown
                _write(f"{service.name:<12} | {shown}\n")

    def _lines(self, service: Service) -> list[str]:
        text = _log(self.run, service).read_text(errors="replace")
        return [line for line in text.splitlines() if line.strip()]

    def _stop(self) -> None:
        managed_process.stop_all([service.process for service in self.services if service.process])


def _log(run: Path, service: Service) -> Path:
    return run / "logs" / f"{service.name}.log"


def _entry(line: str) -> dict[str, str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and {"level", "message"} <= entry.keys() else {}


def _short(line: str) -> str:
    """Return a line of a log without what surrounds it."""
    entry = _entry(line)
    return f"{entry['message']}{_last_line(entry.get('exception'))}" if entry else line.strip()


def _worth_showing(line: str) -> str | None:
    """Return what to show of a log line: warnings and errors, in short."""
    level = _entry(line).get("level")
    return f"{level}: {_short(line)}" if level in {"warning", "error", "critical"} else None


def _last_line(exception: str | None) -> str:
    return f" ({exception.strip().splitlines()[-1]})" if exception else ""


def _say(text: str) -> None:
    _write(f"botberi: {text}\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
