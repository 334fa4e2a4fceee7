"""All of the product as processes on services of its own, and who asks it for something."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

import pika
import psutil

from core import http_client
from core.configuration import secret
from core.ids import new_id
from core.postgres.pipelined import DiscreetNative
from core.postgres.session import Row, Value
from events import subscriptions
from events.broker import bus
from events.topology import declaration
from functions.domain.accounts import access_tokens
from functions.domain.accounts.access_tokens import SECOND_FACTOR, Authentication
from provisioning import local_settings, seed
from provisioning.local_settings import LOOPBACK, Ports
from tools.documents import Document
from tools.harness.environment import wait
from tools.harness.outages import PrivateServers
from tools.local import health, processes
from tools.local.servers import managed_process, postgres_server
from tools.local.servers.managed_process import ManagedProcess


@dataclass
class Product:
    """The product's processes."""

    ports: Ports
    started: Mapping[str, ManagedProcess]
    """By name, servers among them."""
    postgres: DiscreetNative
    """On shared_psql, as the superuser."""

    def run(self, sql: str, **values: Value) -> list[Row]:
        """Run a statement on shared_psql as the superuser, and return its rows."""
        return self.postgres.run(sql, **values) or []

    def token(self, account_id: str, *scopes: str) -> str:
        """Return an access token of an account."""
        return access_tokens.issue(account_id, new_id("ses"), scopes or ("user",), Authentication(SECOND_FACTOR))

    def post(self, port: int, path: str, body: Document, token: str) -> Document:
        """Return what a POST is answered. Raises RuntimeError if it is refused."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"http://{LOOPBACK}:{port}{path}"
        answer = http_client.request("POST", url, seconds=60, body=json.dumps(body).encode(), headers=headers)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            message = f"{path} was answered {answer.status}: {answer.body.decode()}"
            raise RuntimeError(message)
        return dict(json.loads(answer.body))

    def create(self, owner: str, **facts: object) -> str:
        """Create an instance of the agent `echo`, wait until it is running, and return its id."""
        wanted = {"agent": "echo", "name": "A bench", **facts}
        instance_id = str(self.post(self.ports.user, "/v1/instances", wanted, self.token(owner))["id"])
        status = "select status from instances where id = :id"
        wait(lambda: self.run(status, id=instance_id) == [["running"]], 300, "an instance doesn't run", pause=0.003)
        return instance_id

    def wait_ended(self, seconds: float = 120) -> None:
        """Wait until no run is open."""
        open_ones = "select exists (select from runs where ended_at is null)"
        wait(lambda: self.run(open_ones) == [[False]], seconds, "runs don't end", pause=0.01)

    def family(self, name: str) -> list[psutil.Process]:
        """Return a process and all below it."""
        process = psutil.Process(self.started[name].process.pid)
        return [process, *process.children(recursive=True)]

    def spent(self, *names: str) -> float:
        """Return the seconds that processes have taken so far, with those below them, ended ones too."""
        total = 0.0
        for process in (each for name in names for each in self.family(name)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                # What children took that have ended meanwhile is their parents'.
                total += times.user + times.system + times.children_user + times.children_system
        return total


def prepare() -> None:
    """Make the topology and the catalog."""
    with pika.BlockingConnection(bus.parameters("admin")) as connection:
        declaration.declare(connection, subscriptions.read())
    seed.catalog()


def connect(ports: Ports, database: str = "shared_psql") -> DiscreetNative:
    """Return a connection as the superuser, without a time limit: it fills tables."""
    return postgres_server.connect(ports.shared_psql, secret("psql-superuser"), database, seconds=None)


@contextmanager
def running(servers: PrivateServers) -> Iterator[Mapping[str, ManagedProcess]]:
    """Start the product's processes, and stop them after the block; yield them and the servers by name."""
    commands, ready = processes.functions(servers.ports), health.functions(servers.ports)
    ours: dict[str, ManagedProcess] = {}
    try:
        for name, command in commands.items():
            ours[name] = managed_process.start(name, command, run=servers.run, cwd=local_settings.ROOT)
        for name, process in ours.items():
            process.wait_until(ready[name])
        yield {**{each.name: each for each in servers.started}, **ours}
    finally:
        managed_process.stop_all(ours.values())
