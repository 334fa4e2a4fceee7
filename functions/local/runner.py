"""Run processes side by side with honcho, watch over them and the services, and say in one line what went wrong."""

import json
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from honcho.manager import Manager
from honcho.printer import Message, Printer

from functions.local.health import Check
from functions.local.patience import until
from functions.local.private_process import PrivateProcess

PATIENCE: Final = 120
"""Seconds that a process may take until it does its work."""

_SYSTEM: Final = re.compile(r"(\S+) stopped \(rc=(-?\d+)\)")


class Runner:
    """The processes of one run."""

    def __init__(self, run: Path, servers: Sequence[PrivateProcess]) -> None:
        """Run in the folder `run`; when one of `servers` dies, everything ends."""
        self.run = run
        self.servers = servers
        self.printer = _Printer(run / "logs")
        self.manager = Manager(self.printer)
        self.checks: dict[str, Check] = {}
        self.trouble: str | None = None

    def add(
        self, commands: Mapping[str, Sequence[str]], checks: Mapping[str, Check], environment: Mapping[str, str]
    ) -> None:
        """Add processes: the command and the check of each, by name, and their environment."""
        for name, command in commands.items():
            # `exec`, or signals would end a shell and leave the process behind.
            line = f"exec {shlex.join(command)}"
            self.manager.add_process(name, line, env=dict(environment), cwd=str(self.run))
        self.checks |= checks

    def loop(self, welcome: Callable[[], None]) -> str | None:
        """Run until Ctrl-C or SIGTERM, or until something dies; call `welcome` when all do their work.

        Returns what went wrong, or None.
        """
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        threading.Thread(target=self._watch, args=(welcome,), daemon=True).start()
        self.manager.loop()
        if self.printer.first_stopped is not None and not self.printer.asked_to_stop:
            name, code = self.printer.first_stopped
            return (
                f"{name} ended with code {code}; its log {self.run}/logs/{name}.log ends: {self.printer.end_of(name)}"
            )
        return self.trouble

    def _watch(self, welcome: Callable[[], None]) -> None:
        for name, check in self.checks.items():
            if not until(check, seconds=PATIENCE, pause=0.2):
                self._stop(f"{name} doesn't do its work after {PATIENCE} seconds: see {self.run}/logs/{name}.log")
                return
        welcome()
        dead = until(lambda: [each for each in self.servers if not each.alive], seconds=float("inf"), pause=1)
        self._stop(f"{dead[0].name} ended; its log {dead[0].log} ends: {dead[0].last_words()}")

    def _stop(self, trouble: str) -> None:
        self.trouble = trouble
        os.kill(os.getpid(), signal.SIGTERM)


class _Printer(Printer):  # type: ignore[misc]  # honcho has no types
    """Keeps every line of every process in a file of its own, and shows warnings and errors."""

    def __init__(self, folder: Path) -> None:
        super().__init__(sys.stdout)
        self.folder = folder
        self.last: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        self.first_stopped: tuple[str, str] | None = None
        self.asked_to_stop = False

    def write(self, message: Message) -> None:
        text = message.data.decode(errors="replace") if isinstance(message.data, bytes) else message.data
        if message.name == "system":
            self._system(text)
            return
        self.last[message.name] = text.strip() or self.last.get(message.name, "")
        with (self.folder / f"{message.name}.log").open("a") as file:
            file.write(text)
        shown = _worth_showing(text)
        # What is repeated while something is away is said once.
        if shown and self.shown.get(message.name) != shown:
            self.shown[message.name] = shown
            super().write(message._replace(data=shown))

    def end_of(self, name: str) -> str:
        """Return the last thing that a process has said, without what surrounds it."""
        line = self.last.get(name, "(nothing)")
        try:
            entry = json.loads(line)
            return str(entry["message"]) + _last_line(entry.get("exception"))
        except (ValueError, TypeError, KeyError):
            return line

    def _system(self, text: str) -> None:
        if "received" in text:
            self.asked_to_stop = True
        if (found := _SYSTEM.match(text)) and self.first_stopped is None:
            self.first_stopped = (found[1], found[2])


def _worth_showing(line: str) -> str | None:
    """Return what to show of a log line: warnings and errors, in short."""
    try:
        entry: dict[str, Any] = json.loads(line)
        level = entry["level"]
    except (ValueError, TypeError, KeyError):
        return None
    if level not in {"warning", "error", "critical"}:
        return None
    return f"{level}: {entry['message']}{_last_line(entry.get('exception'))}"


def _last_line(exception: str | None) -> str:
    return f" ({exception.strip().splitlines()[-1]})" if exception else ""
