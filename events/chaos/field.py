"""Where faults happen: services that nobody else uses, two relays, writers, and a subscriber that notes everything."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from pg8000.exceptions import Error

from events.chaos.load import Ear, Load, mark, until
from events.subscriptions import Subscription
from events.tests import history
from events.tests.history import Verdict
from events.tests.outages import Ground, private_ground
from events.tests.path import DATABASE, EventPath, running
from functions.local import private_process, settings
from functions.local.private_process import PrivateProcess

QUEUE: Final = Subscription("history", "botberi.history", ("#",))

PATIENCE: Final = 120
"""Seconds after which something that has to happen is taken as never happening."""


class Field:
    """The services, and the event path on them."""

    def __init__(self, ground: Ground, path: EventPath) -> None:
        """Use `prepared`."""
        self.ground = ground
        self.path = path
        self.ear = Ear(QUEUE.queue)
        self.recoveries: list[float] = []

    @contextmanager
    def pressure(self, *, relays: bool = True) -> Iterator[None]:
        """Write and listen inside a `with` block, under two relays."""
        self.recoveries = []
        load = Load()
        self.listen()
        try:
            if relays:
                for name in ("relay-1", "relay-2"):
                    self.start(name)
            with load:
                yield
            self.settle()
        finally:
            self.ear.stop()
            self.stop_relays()

    def listen(self) -> None:
        """Begin to note what arrives."""
        self.ear = Ear(QUEUE.queue)
        self.ear.start()

    def settle(self) -> None:
        """Wait until everything that was committed is delivered and heard."""
        until(lambda: history.drained(self.path), PATIENCE, "not everything was delivered")
        until(lambda: self.path.depth(QUEUE.queue) == 0, PATIENCE, "not everything was heard")
        heard = -1
        while heard != (heard := len(self.ear.heard)):
            time.sleep(0.5)

    def verdict(self) -> Verdict:
        """Compare what was committed with what was heard."""
        return history.judge(history.committed(self.path), self.ear.heard)

    def start(self, name: str, prefix: Sequence[str] = (), **environment: str) -> PrivateProcess:
        """Start a relay, behind the command `prefix`, with more in its environment."""
        command = [*prefix, sys.executable, "-m", "events.relay", DATABASE]
        self.path.processes[name] = private_process.start(
            name, command, run=self.path.folder, cwd=settings.ROOT, environment={**self.path.environment, **environment}
        )
        return self.path.processes[name]

    def active(self) -> str:
        """Wait until one of the relays holds the lease, and return its name."""
        found: list[str] = []

        def look() -> bool:
            with suppress(Error, OSError):
                [(holder,)] = self.path.query("select holder from relay_cursor")
                pid = holder.rpartition("/")[2]
                found.extend(name for name, each in self.path.processes.items() if _is(each, pid))
            return bool(found)

        until(look, PATIENCE, "no relay is active")
        return found[0]

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a relay; one that ends it is waited for."""
        process = self.path.processes[name].process
        os.kill(process.pid, number)
        if number in {signal.SIGKILL, signal.SIGTERM}:
            process.wait(10)

    def recovered(self, seconds: float = PATIENCE) -> None:
        """Wait until an event that is committed from now on has been heard, and note how long that took."""
        before, started = self.ear.marked, time.monotonic()

        def passes() -> bool:
            with suppress(Error, OSError):
                mark()
            time.sleep(0.01)
            return self.ear.marked > before + 1

        until(passes, seconds, "events don't pass any more")
        self.recoveries.append(time.monotonic() - started)

    def stop_relays(self) -> None:
        """Stop every relay."""
        for process in self.path.processes.values():
            with suppress(ProcessLookupError):
                os.kill(process.process.pid, signal.SIGCONT)
            process.stop(seconds=8)
        self.path.processes.clear()


def _is(process: PrivateProcess, pid: str) -> bool:
    return process.alive and str(process.process.pid) == pid


@contextmanager
def prepared() -> Iterator[Field]:
    """Start the services; leave nothing of them running."""
    with private_ground() as ground, running(ground.run / "path", ground.environment) as path:
        path.subscribe(QUEUE)
        yield Field(ground, path)
