"""Private PostgreSQL (two), Redis and RabbitMQ under one folder, on given ports of the loopback interface."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioning import secrets_folder
from provisioning.local_settings import Ports
from tools.local.servers import postgres_server, rabbitmq_server, redis_server
from tools.local.servers.managed_process import ManagedProcess


@contextmanager
def running(run: Path, ports: Ports, *, durable: bool, databases_alone: bool = False) -> Iterator[list[ManagedProcess]]:
    """Start the services under the folder `run`, wait until each answers, and stop them at the end.

    Data and secrets are found again at the next start. Without `durable` nothing is forced to disk.
    """
    start = _databases if databases_alone else _everything
    run.mkdir(parents=True, exist_ok=True)
    run.chmod(0o700)
    secrets_folder.fill(run / "secrets")
    started: list[ManagedProcess] = []
    try:
        # One by one: when the third can't start, the first two must stop.
        started.extend(start(run, ports, durable=durable))
        for process in started:
            process.wait_until()
        yield started
    finally:
        for process in reversed(started):
            process.stop()


def _everything(run: Path, ports: Ports, *, durable: bool) -> Iterator[ManagedProcess]:
    # The slowest first: they all start side by side.
    yield from rabbitmq_server.start(run, ports, durable=durable)
    yield from _databases(run, ports, durable=durable)
    yield redis_server.start("user_redis", ports.user_redis, run=run, durable=durable)


def _databases(run: Path, ports: Ports, *, durable: bool) -> Iterator[ManagedProcess]:
    superuser = (run / "secrets" / "psql-superuser").read_text()
    for name, port in (("user_psql", ports.user_psql), ("shared_psql", ports.shared_psql)):
        yield postgres_server.start(name, port, run=run, password=superuser, durable=durable)
