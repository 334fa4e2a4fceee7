"""Private PostgreSQL (two), Redis and RabbitMQ under one folder, on given ports of the loopback interface."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioning import secrets_folder
from provisioning.local_settings import Ports
from tools.local.servers import postgres_server, rabbitmq_server, redis_server
from tools.local.servers.managed_process import ManagedProcess


@contextmanager
def running(run: Path, ports: Ports, *, durable: bool) -> Iterator[list[ManagedProcess]]:
    """Start the services under the folder `run`, wait until each answers, and stop them at the end.

    Data and secrets are found again at the next start. Without `durable` nothing is forced to disk.
    """
    run.mkdir(parents=True, exist_ok=True)
    run.chmod(0o700)
    secrets_folder.fill(run / "secrets")
    started: list[ManagedProcess] = []
    try:
        # One by one: when the third can't start, the first two must stop.
        started.extend(_start(run, ports, durable=durable))
        _wait(run, ports, {process.name: process for process in started})
        yield started
    finally:
        for process in reversed(started):
            process.stop()


def _start(run: Path, ports: Ports, *, durable: bool) -> Iterator[ManagedProcess]:
    passwords = {part: _secret(run, f"event-bus-{part}") for part in secrets_folder.EVENT_BUS_PARTS}
    # The slowest first: they all start side by side.
    yield from rabbitmq_server.start(run, event_bus_addresses(ports), passwords, durable=durable)
    superuser = _secret(run, "psql-superuser")
    for name, port in (("user_psql", ports.user_psql), ("shared_psql", ports.shared_psql)):
        yield postgres_server.start(name, port, run=run, password=superuser, durable=durable)
    yield redis_server.start("user_redis", ports.user_redis, run=run, durable=durable)


def _wait(run: Path, ports: Ports, started: dict[str, ManagedProcess]) -> None:
    superuser = _secret(run, "psql-superuser")
    started["user_psql"].wait_until(lambda: postgres_server.answers(ports.user_psql, superuser))
    started["shared_psql"].wait_until(lambda: postgres_server.answers(ports.shared_psql, superuser))
    started["user_redis"].wait_until(lambda: redis_server.answers(ports.user_redis))
    started["event_bus"].wait_until(lambda: rabbitmq_server.answers(run, event_bus_addresses(ports)))


def event_bus_addresses(ports: Ports) -> rabbitmq_server.Addresses:
    """Return RabbitMQ's share of the ports."""
    return rabbitmq_server.Addresses(
        amqp=ports.event_bus,
        management=ports.event_bus_management,
        names=ports.event_bus_names,
        distribution=ports.event_bus_distribution,
    )


def _secret(run: Path, name: str) -> str:
    return (run / "secrets" / name).read_text()
