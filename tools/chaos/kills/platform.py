"""The platform that is hurt: services of its own, and the product's processes on them."""

import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

import psutil

from provisioning import local_settings, seed
from tools.chaos.kills.noted import Noted
from tools.chaos.kills.plan import SERVICES, Fault
from tools.harness.outages import PrivateServers, private_servers
from tools.local import health, processes
from tools.local.errors import LocalError
from tools.local.health import Check
from tools.local.processes import Command
from tools.local.servers import managed_process
from tools.local.servers.managed_process import ManagedProcess

IDLE: Final = 15
"""Seconds after which an agent that is asked nothing ends: less than there is to converge."""

_HOST: Final = "agent-host"

_LOOK: Final = 0.5
"""Seconds between two looks at whether everything still runs."""

_SHOWN: Final = 300
"""Characters that are shown of what ended by itself has logged last."""


@dataclass(frozen=True)
class Window:
    """A time in which somebody was away."""

    victim: str
    begin: float
    """The kill, in seconds since 1970."""
    end: float
    """When it did its work again."""


class Platform:
    """The processes, and who is killed of them."""

    def __init__(self, servers: PrivateServers, noted: Noted, weights: Mapping[str, int]) -> None:
        """Use `running`."""
        self.servers = servers
        self.noted = noted
        self.address = f"http://{local_settings.LOOPBACK}:{servers.ports.user}"
        self.agents = servers.run / "agents" / "awake"
        """Where agents have their folders."""
        self.left: list[psutil.Process] = []
        """What agent hosts had started when they were killed."""
        self.kills: Counter[str] = Counter()
        """By victim."""
        self.outages: dict[str, list[float]] = defaultdict(list)
        """By victim: the seconds from each first kill until it did its work again."""
        self.weights = weights
        """Who may be killed, and how often beside the others."""
        self.windows: list[Window] = []
        self._environment = {**servers.environment, "AGENT_IDLE_SECONDS": str(IDLE)}
        self._commands = dict(processes.functions(servers.ports))
        self._checks = dict(health.functions(servers.ports))
        self._processes: dict[str, ManagedProcess] = {}
        self._hurt = {name: Lock() for name in {*weights, *self._commands}}
        """Held while a fault has its way with a victim."""

    def start(self) -> None:
        """Start everything, and wait until all do their work."""
        for name in self._commands:
            self._start(name)
        for name, process in self._processes.items():
            process.wait_until(self._checks[name])

    def add(self, name: str, command: Command, check: Check, **settings: str) -> None:
        """Have one more process, in which `settings` are set besides."""
        self._commands[name] = ["env", *(f"{key}={value}" for key, value in settings.items()), *command]
        self._checks[name] = check
        self._hurt.setdefault(name, Lock())

    def stop(self) -> None:
        """Stop the product's processes; the services stop by themselves."""
        managed_process.stop_all(self._processes.values())

    def suffer(self, fault: Fault) -> None:
        """Let a fault happen, and return when its victims do their work again; a victim suffers one at a time."""
        with ExitStack() as held:
            # In one order, so that no two faults wait for each other.
            for name in sorted(fault.victims):
                held.enter_context(self._hurt[name])
            self._suffer(fault)

    def _suffer(self, fault: Fault) -> None:
        killed, at = time.monotonic(), time.time()
        for name in fault.victims:
            self._kill(name)
        time.sleep(fault.away)
        self._start_again(fault.victims)
        if fault.again is not None:
            time.sleep(fault.again)
            for name in fault.victims:
                self._kill(name)
            self._start_again(fault.victims)
        for name in fault.victims:
            self._wait(name)
            self.outages[name].append(time.monotonic() - killed)
            self.windows.append(Window(name, at, time.time()))

    def logs(self) -> Iterator[tuple[str, str]]:
        """Yield each process' name and what it has logged."""
        for name, process in self._processes.items():
            yield name, process.log.read_text(errors="replace")

    def keep_logs(self, folder: Path) -> None:
        """Keep what the processes have logged, which goes with the run otherwise."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, log in self.logs():
            (folder / f"{name}.log").write_text(log, encoding="utf-8")

    def _start(self, name: str) -> None:
        self._processes[name] = managed_process.start(
            name, self._commands[name], run=self.servers.run, cwd=self.servers.run, environment=self._environment
        )

    def _kill(self, name: str) -> None:
        self.kills[name] += 1
        if name in SERVICES:
            self.servers.kill(name)
            return
        process = self._processes[name]
        if name == _HOST:
            with suppress(psutil.NoSuchProcess):
                self.left += psutil.Process(process.process.pid).children(recursive=True)
        process.process.kill()
        process.process.wait()
        process.end_children()

    def _start_again(self, victims: tuple[str, ...]) -> None:
        for name in sorted(victims, key=lambda each: each not in SERVICES):
            if name in SERVICES:
                self.servers.start(name)
            else:
                self._start(name)

    def _wait(self, name: str) -> None:
        if name in SERVICES:
            return
        try:
            self._processes[name].wait_until(self._checks[name])
        except LocalError as error:
            self._ended(name, str(error))
            self._processes[name].wait_until(self._checks[name])

    @contextmanager
    def looked_after(self) -> Iterator[None]:
        """Start again what ends inside of the block though nobody has killed it, and note that."""
        ended = Event()

        def look() -> None:
            while not ended.wait(_LOOK):
                for name in self._processes:
                    if self._hurt[name].acquire(blocking=False):
                        self._look_after(name)
                        self._hurt[name].release()

        looking = Thread(target=look)
        looking.start()
        try:
            yield
        finally:
            ended.set()
            looking.join()

    def _look_after(self, name: str) -> None:
        process = self._processes[name]
        if not process.alive:
            self._ended(name, f"ended with code {process.process.returncode}: {process.last_words()}")

    def _ended(self, name: str, how: str) -> None:
        self.noted.wrong("orderly", name, how[:_SHOWN])
        self._processes[name].stop()
        self._start(name)


@contextmanager
def running(
    noted: Noted,
    weights: Mapping[str, int],
    *,
    publish: Callable[[Path], None],
    more: Callable[[Platform], None] = lambda _: None,
    **settings: str,
) -> Iterator[Platform]:
    """Start the platform, with the sample agents in its catalog; leave nothing of it running.

    `publish` puts more into the catalog, from a folder that is empty, and `more` adds processes. All of them have the
    `settings`.
    """
    with private_servers() as servers:
        command = [sys.executable, "-m", "events.topology"]
        subprocess.run(command, cwd=local_settings.ROOT, check=True, capture_output=True)
        seed.catalog()
        folder = servers.run / "published"
        folder.mkdir()
        publish(folder)
        servers.environment |= settings
        platform = Platform(servers, noted, weights)
        # Who signs up is sent a mail: without a server for it, events would be given up.
        mail = processes.watchers(servers.run, servers.ports)["mail"]
        platform.add("mail", mail, health.watchers(servers.ports)["mail"])
        more(platform)
        try:
            platform.start()
            yield platform
        finally:
            platform.stop()


def folder_of(process: psutil.Process, agents: Path) -> str | None:
    """Return the folder within `agents` that a process works in, as the kernel calls it; None for another."""
    try:
        place = process.cwd()
    except psutil.Error:
        return None
    return place if place.startswith(f"{agents}/") else None
