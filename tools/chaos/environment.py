"""Where faults happen: services that nobody else uses, two relays, writers, and a subscriber that notes everything."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Final

from core.postgres.errors import Error
from events.subscriptions import Subscription
from tools.chaos import load
from tools.chaos.load import Ear, Marker, Pace
from tools.harness import history
from tools.harness.environment import wait
from tools.harness.history import Verdict
from tools.harness.outages import PrivateServers, private_servers
from tools.harness.path import DATABASE, EventPath, running
from tools.harness.scrape import Watch
from tools.local.servers.managed_process import ManagedProcess

QUEUE: Final = Subscription("history", "botberi.history", ("#",))

TIMEOUT: Final = 120
"""Seconds after which something that has to happen is taken as never happening."""

TOLD_EVERY: Final = 10
"""Seconds between two lines about how far a fault has got."""


class BrokenError(Exception):
    """Something besides the history is not as it has to be."""


class ChaosEnvironment:
    """The services, and the event path on them."""

    def __init__(self, servers: PrivateServers, path: EventPath) -> None:
        """Use `prepared`."""
        self.servers = servers
        self.path = path
        self.ear = Ear(QUEUE.queue)
        self.marker = Marker()
        self.recoveries: list[float] = []
        self.runs = 0
        """How often the present fault has happened."""
        self.note = ""
        """What there is to say of the present fault besides its numbers."""
        self.ended = False
        """Whether to bring the present fault to its end, and begin no other."""

    def rounds(self, times: int) -> Iterator[int]:
        """Yield as many numbers, unless the run is ended before, and tell how far it is."""
        self.runs, told = 0, time.monotonic()
        for number in range(times):
            if self.ended:
                return
            yield number
            self.runs += 1
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                sys.stdout.write(f"  {self.runs} of {times}\n")
                sys.stdout.flush()

    @contextmanager
    def pressure(self, *, relays: bool = True, pace: Pace | None = None) -> Iterator[None]:
        """Write and listen inside a `with` block, under two relays."""
        self.recoveries, self.note = [], ""
        load.forget()
        self.ear = Ear(QUEUE.queue)
        self.ear.start()
        try:
            if relays:
                for name in ("relay-1", "relay-2"):
                    self.start(name)
            with load.writing(pace or Pace()):
                yield
            self.settle()
            self.check_alive()
        finally:
            self.marker.close()
            self.ear.stop()
            self.path.stop()

    def check_alive(self) -> None:
        """Raise BrokenError if a relay has ended that nobody ended."""
        dead = [name for name, process in self.path.processes.items() if not process.alive]
        if dead:
            message = f"{', '.join(dead)} has ended: {self.path.processes[dead[0]].last_words()}"
            raise BrokenError(message)

    def settle(self) -> None:
        """Wait until everything that was committed is delivered and received."""
        wait(lambda: history.drained(self.path), TIMEOUT, "not everything was delivered")
        wait(lambda: self.path.depth(QUEUE.queue) == 0, TIMEOUT, "not everything was received")
        received = -1
        while received != (received := len(self.ear.received)):
            time.sleep(0.5)

    def verdict(self) -> Verdict:
        """Compare what was committed with what was received."""
        return history.judge(history.committed(self.path), self.ear.received)

    def stand_by(self, name: str, **environment: str) -> ManagedProcess:
        """Start a relay and wait until it is active or stands by."""
        watch = Watch.on_a_free_port()
        process = self.start(name, **watch.settings, **environment)
        wait(lambda: watch.status("/_/ready") == HTTPStatus.OK, TIMEOUT, f"{name} isn't ready")
        return process

    def start(self, name: str, prefix: Sequence[str] = (), **environment: str) -> ManagedProcess:
        """Start a relay, behind the command `prefix`, with more in its environment."""
        command = [*prefix, sys.executable, "-m", "events.relay", DATABASE]
        return self.path.run(name, command, **environment)

    def active(self) -> str:
        """Wait until one of the relays holds the lease, and return its name."""
        found: list[str] = []

        def look() -> bool:
            with suppress(Error, OSError):
                [(holder,)] = self.path.query("select holder from relay_cursor")
                pid = holder.rpartition("/")[2]
                found.extend(name for name, each in self.path.processes.items() if _is(each, pid))
            return bool(found)

        wait(look, TIMEOUT, "no relay is active")
        return found[0]

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a relay; one that ends it is waited for."""
        process = self.path.processes[name].process
        os.kill(process.pid, number)
        if number in {signal.SIGKILL, signal.SIGTERM}:
            process.wait(10)

    def recovered(self, seconds: float = TIMEOUT) -> None:
        """Wait until an event that is committed from now on has been received, and note how long that took."""
        started = time.monotonic()
        marked: int | None = None

        def passes() -> bool:
            nonlocal marked
            marked = marked or self.marker.mark()
            return marked is not None and self.ear.marked >= marked

        wait(passes, seconds, "events don't pass any more", pause=0.01)
        self.recoveries.append(time.monotonic() - started)


def _is(process: ManagedProcess, pid: str) -> bool:
    return process.alive and str(process.process.pid) == pid


@contextmanager
def prepared() -> Iterator[ChaosEnvironment]:
    """Start the services; leave nothing of them running."""
    with private_servers() as servers, running(servers.run / "path", servers.environment) as path:
        path.subscribe(QUEUE)
        yield ChaosEnvironment(servers, path)
