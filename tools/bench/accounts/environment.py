"""The host of all functions on services of its own, and accounts that log in."""

import http.client
import itertools
import json
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import psutil

from core.configuration import secret
from core.ids import new_id
from core.postgres.pipelined import DiscreetNative
from functions.domain.accounts import accounts, passwords
from functions.runtime.databases import user_transaction
from provisioning import local_settings
from provisioning.local_settings import LOOPBACK, Ports
from tools.documents import Document
from tools.harness.environment import POSTGRES
from tools.harness.outages import exit_when_told, private_servers
from tools.local import health, processes
from tools.local.servers import managed_process, postgres_server
from tools.local.servers.managed_process import ManagedProcess

PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of accounts that exist for minutes

DATABASE: Final = "user_psql"

HOST: Final = "host"


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    body: Document


@dataclass
class AccountsEnvironment:
    """The host's process, and the database beneath it."""

    ports: Ports
    host: ManagedProcess
    database: ManagedProcess
    postgres: DiscreetNative
    """On user_psql, as the superuser."""
    password_hash: str = field(repr=False)
    _networks: Iterator[int] = field(default_factory=itertools.count)

    def settle(self) -> None:
        """Have Postgres do now what is left to it."""
        self.postgres.run("vacuum analyze")
        self.postgres.run("checkpoint")

    def people(self, count: int) -> list[str]:
        """Make accounts with PASSWORD, and return their addresses."""
        emails = [address() for _ in range(count)]
        with user_transaction("admin") as db:
            for email in emails:
                accounts.add(db, email, self.password_hash, account_id=new_id("usr"))
        return emails

    @contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        """Keep a connection to the user API open for the block."""
        with closing(http.client.HTTPConnection(LOOPBACK, self.ports.user, timeout=60)) as connection:
            yield connection

    def post(self, connection: http.client.HTTPConnection, path: str, body: Document, expect: HTTPStatus) -> Document:
        """Return what a POST from a network of its own is answered. Raises RuntimeError unless that is expected."""
        number = next(self._networks)
        # No edge is in front, so that the host believes it: nobody is throttled for what others ask.
        told = {"X-Forwarded-For": f"10.{number // 256 % 256}.{number % 256}.1", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), told)
        response = connection.getresponse()
        answer = response.read()
        if response.status != expect:
            message = f"{path} was answered {response.status}: {answer.decode()}"
            raise RuntimeError(message)
        return dict(json.loads(answer or b"{}"))

    def spent(self) -> tuple[float, float]:
        """Return the seconds of processor that the host and Postgres have taken so far."""
        return _seconds(self.host), _seconds(self.database)


def address() -> str:
    """Return an address that nobody has."""
    return f"{secrets.token_hex(12)}@example.com"


def _seconds(process: ManagedProcess) -> float:
    first = psutil.Process(process.process.pid)
    times = [each.cpu_times() for each in (first, *first.children(recursive=True))]
    # What backends took that have ended meanwhile is their parent's.
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


@contextmanager
def prepared() -> Iterator[AccountsEnvironment]:
    """Start the services and the host; end and remove them afterwards."""
    exit_when_told()
    with private_servers(**POSTGRES) as servers:
        command = processes.functions(servers.ports)[HOST]
        host = managed_process.start(HOST, command, run=servers.run, cwd=local_settings.ROOT)
        [database] = [each for each in servers.started if each.name == DATABASE]
        superuser = secret("psql-superuser")
        try:
            host.wait_until(health.functions(servers.ports)[HOST])
            with closing(
                postgres_server.connect(servers.ports.user_psql, superuser, DATABASE, seconds=None)
            ) as postgres:
                yield AccountsEnvironment(servers.ports, host, database, postgres, passwords.hashed(PASSWORD))
        finally:
            managed_process.stop_all([host])
