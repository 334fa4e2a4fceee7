"""Services of a test's own, to be killed and started again while the event path works on them."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from core.configuration import secret
from functions.domain import verified_accounts
from provisioning import local_settings
from provisioning.broker import VHOST
from provisioning.local_settings import Ports
from tools.local import databases, orphans
from tools.local.ports import accepts, free
from tools.local.servers import postgres_server, rabbitmq_server, redis_server, services
from tools.local.servers.binaries import find
from tools.local.servers.managed_process import ManagedProcess
from tools.local.wait import until

DATABASE_SERVER = "shared_psql"

REDIS = "user_redis"


class PrivateServers:
    """RabbitMQ, Postgres and Redis that nobody else uses."""

    def __init__(self, run: Path, ports: Ports, started: list[ManagedProcess]) -> None:
        """Use `private_servers`."""
        self.run = run
        self.ports = ports
        self.started = started
        # Nothing happens by itself, and accounts may launch that there are in tokens alone.
        own = {"RELAY_PROBE_SECONDS": "0", verified_accounts.SETTING: verified_accounts.OFF}
        self.environment = {**local_settings.environment(run, ports), **own}

    def _end(self, *names: str, number: signal.Signals) -> None:
        for process in [each for each in self.started if each.name in names]:
            os.killpg(process.process.pid, number)
            process.process.wait(20)
            self.started.remove(process)

    def kill(self, name: str) -> None:
        """Kill a service (`user_psql`, `shared_psql`, `user_redis`, `event_bus`) as a power cut would."""
        if name == rabbitmq_server.NAME:
            self.kill_broker()
            return
        self._end(name, number=signal.SIGKILL)
        # Backends have sessions of their own, and would finish what they are at.
        for process in orphans.processes(self.run / name):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        until(lambda: not any(orphans.processes(self.run / name)), seconds=20)

    def start(self, name: str) -> None:
        """Start a service again and wait until it answers."""
        if name == rabbitmq_server.NAME:
            self.start_broker()
            return
        port = getattr(self.ports, name)
        if name == REDIS:
            server = redis_server.start(name, port, run=self.run, durable=True)
        else:
            password = secret("psql-superuser")
            server = postgres_server.start(name, port, run=self.run, password=password, durable=True)
        self.started.append(server)
        server.wait_until()

    def kill_broker(self) -> None:
        """Kill RabbitMQ as a power cut would."""
        self._end("event_bus", "event_bus_names", number=signal.SIGKILL)
        until(lambda: not accepts(self.ports.event_bus), seconds=20)

    def stop_broker(self) -> None:
        """Stop RabbitMQ as an update would."""
        self._end("event_bus", number=signal.SIGTERM)
        self._end("event_bus_names", number=signal.SIGKILL)
        until(lambda: not accepts(self.ports.event_bus), seconds=20)

    def start_broker(self) -> None:
        """Start RabbitMQ again and wait until it answers."""
        self.started.extend(rabbitmq_server.start(self.run, self.ports, durable=True))
        self.started[-1].wait_until()

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl."""
        settings = rabbitmq_server.environment(self.run, self.ports)
        command = [str(find("rabbitmqctl")), "--quiet", *arguments]
        done = subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True, text=True)
        return done.stdout

    def close_connections(self, user: str) -> int:
        """Let RabbitMQ close the connections of a user; return how many there were."""
        lines = self.control("list_connections", "pid", "user").splitlines()
        pids = [line.split()[0] for line in lines if line.endswith(user)]
        for pid in pids:
            self.control("close_connection", pid, "a test")
        return len(pids)

    def stop_database(self, number: signal.Signals) -> None:
        """Stop shared_psql: SIGINT is its fast way, SIGQUIT its immediate one."""
        process = next(each for each in self.started if each.name == DATABASE_SERVER)
        process.process.send_signal(number)
        process.process.wait(30)
        self.started.remove(process)

    def set_up_database(self, settings: Mapping[str, str]) -> None:
        """Restart shared_psql with these settings of Postgres."""
        with closing(postgres_server.connect(self.ports.shared_psql, secret("psql-superuser"))) as superuser:
            for name, value in settings.items():
                superuser.run(f"alter system set {name} = '{value}'")
        self.stop_database(signal.SIGINT)
        self.start_database()

    def fill(self, queue: str, length: int) -> None:
        """Let a queue be full with so many messages; 0 takes that back."""
        policy = ("set_policy", "--apply-to", "queues", "full", f"^{queue}$", f'{{"max-length": {length}}}')
        self.control(*(policy if length else ("clear_policy", "full")), "-p", VHOST)

    def start_database(self) -> None:
        """Start shared_psql again and wait until it answers."""
        self.start(DATABASE_SERVER)


def exit_when_told() -> None:
    """Have SIGTERM raise SystemExit in this process: a run that is told to end must still end its servers."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))


@contextmanager
def private_servers(**settings: str) -> Iterator[PrivateServers]:
    """Start services of one's own, with both databases migrated and their settings in the environment.

    shared_psql takes PREPARE TRANSACTION, and has what `settings` says of Postgres.
    """
    with (
        tempfile.TemporaryDirectory(prefix="botberi-outages-") as folder,
        services.running(Path(folder), ports := free(), durable=True) as started,
        pytest.MonkeyPatch.context() as patched,
    ):
        servers = PrivateServers(Path(folder), ports, started)
        for name, value in servers.environment.items():
            patched.setenv(name, value)
        databases.prepare()
        try:
            servers.set_up_database({"max_prepared_transactions": "10"} | settings)
            yield servers
        finally:
            for process in started:
                process.stop()
            orphans.end(Path(folder))
