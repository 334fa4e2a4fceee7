"""A gateway as a process, on a RabbitMQ and Postgres where nothing else happens."""

import json
import os
import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pika
import pytest
from sqlalchemy import text

from core import http_client
from core.ids import new_id
from events import subscriptions, wire
from events.broker import bus
from events.catalog.accounts import ApiKeyRevoked, SessionRevoked
from events.catalog.instances import InstanceStatusChanged
from events.topology import declaration
from functions.domain import account_events, live_api_keys
from functions.domain.accounts import api_key_text
from functions.domain.databases import SharedDb
from functions.services.realtime.tests.tabs import Tab
from migrations.databases import connect
from provisioning.local_settings import MARK, ROOT, Ports
from testing import people
from testing.environment import Environment
from tools.documents import Document
from tools.local import health, orphans, processes
from tools.local.ports import accepts
from tools.local.servers import managed_process
from tools.local.servers.managed_process import ManagedProcess


class Gateway:
    """The gateway, and hands on both ends of it."""

    def __init__(self, folder: Path, ports: Ports, environment: Mapping[str, str]) -> None:
        """Use `running`; `environment` has the settings of the services to use."""
        self.folder = folder
        self.ports = ports
        self.port = ports.gateway
        """Where browsers connect, without an edge."""
        self.environment = {**os.environ, **environment, MARK: str(folder)}
        self.process = self.start()

    def start(self, path: str = "/_/ready", **environment: str) -> ManagedProcess:
        """Start it, with more in its environment, and wait until it answers well at `path`."""
        command = processes.functions(self.ports)["gateway"]
        settled = {**self.environment, **environment}
        self.process = managed_process.start("gateway", command, run=self.folder, cwd=ROOT, environment=settled)
        self.process.wait_until(lambda: accepts(self.port) and health.answers(self.ports.monitoring_gateway, path))
        return self.process

    def kill(self) -> None:
        """Kill it as a power cut would."""
        os.killpg(self.process.process.pid, signal.SIGKILL)
        self.process.process.wait(20)

    def log(self) -> str:
        """Return what it has logged so far."""
        return self.process.log.read_text()

    def tab(self, token: str | None = None, after: int | None = None) -> Tab:
        """Connect."""
        return Tab(self.port, token, after)

    def publish(self, owner: str = "usr_ada", subject: str = "ins_1", **attributes: object) -> str:
        """Let RabbitMQ carry an event about an instance, as a relay publishes it; return its id."""
        event = self.event(owner, subject, **attributes)
        self.send(event)
        return str(event["id"])

    def happen(self, owner: str = "usr_ada", subject: str = "ins_1", **attributes: object) -> str:
        """Let an event about an instance be numbered, as its subscriber does; return its id."""
        event = self.event(owner, subject, **attributes)
        self.number(event)
        return str(event["id"])

    @staticmethod
    def number(*events: Document) -> None:
        """Let events be numbered in one transaction."""
        with connect("shared_psql", "subscribers").begin() as db:
            account_events.number(SharedDb(db), map(wire.from_attributes, events))

    @staticmethod
    def event(owner: str, subject: str = "ins_1", **attributes: object) -> Document:
        """Return an event about an instance."""
        data = {"instance_id": subject, "owner_id": owner, "previous": "starting", "status": "running"}
        return {
            "specversion": "1.0",
            "id": f"evt_{uuid.uuid4().hex}",
            "source": "/botberi/shared_psql",
            "type": InstanceStatusChanged.type,
            "subject": subject,
            "time": "2026-01-02T03:04:05Z",
            "data": data | {"reason": "agent_ready", "message": "It answers."},
            **attributes,
        }

    def end_session(self, session: str) -> None:
        """Let RabbitMQ carry that a session has ended."""
        data = {
            "session_id": session,
            "account_id": "usr_ada",
            "reason": "logged_out",
            "expires_at": "2030-01-01T00:00:00Z",
        }
        self.publish(type=SessionRevoked.type, source="/botberi/user_psql", subject=session, data=data)

    def end_key(self, key_id: str) -> None:
        """Let RabbitMQ carry that an API key was revoked."""
        data = {
            "key_id": key_id,
            "account_id": "usr_ada",
            "reason": "revoked_by_owner",
            "expires_at": "2030-01-01T00:00:00Z",
        }
        self.publish(type=ApiKeyRevoked.type, source="/botberi/user_psql", subject=key_id, data=data)

    @staticmethod
    def send(*events: Document) -> None:
        """Publish events."""
        with pika.BlockingConnection(bus.parameters("relay")) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for event in events:
                channel.basic_publish(bus.EXCHANGE, event["type"], json.dumps(event).encode())

    def revoke(self, session: str) -> None:
        """Let shared_psql know that a session has ended, and nobody else."""
        with connect("shared_psql", "subscribers").begin() as db:
            revoked = text("select remember_revoked(:id, now() + interval '10 minutes')")
            db.execute(revoked, {"id": session})

    @staticmethod
    def key(account: str = "usr_ada", scope: str = "user", good_for: str = "1 day") -> people.Key:
        """Let shared_psql know an API key of an account that need not exist."""
        key = people.Key(new_id("key"), api_key_text.new("test"))
        with connect("shared_psql", "subscribers").begin() as db:
            made = text("select record_api_key(:id, :hash, :owner, array[:scope], now() + cast(:good_for as interval))")
            told = {"id": key.id, "hash": api_key_text.hashed(key.text), "owner": account, "scope": scope}
            db.execute(made, told | {"good_for": good_for})
        return key

    def revoke_key(self, key_id: str) -> None:
        """Let shared_psql know that an API key was revoked, and nobody else."""
        with connect("shared_psql", "subscribers").begin() as db:
            live_api_keys.revoke(SharedDb(db), key_id, datetime(2030, 1, 1, tzinfo=UTC))

    def monitored(self, path: str) -> tuple[int, str]:
        """Return what the gateway answers those who watch over it."""
        answer = http_client.request("GET", f"http://127.0.0.1:{self.ports.monitoring_gateway}{path}", seconds=10)
        return answer.status, answer.body.decode()

    def figure(self, name: str) -> float:
        """Return one of its metrics."""
        lines = [line for line in self.monitored("/metrics")[1].splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].rpartition(" ")[2])


@contextmanager
def running(folder: Path, ports: Ports, environment: Mapping[str, str]) -> Iterator[Gateway]:
    """Make the exchange, start the gateway, and leave nothing of it running."""
    with pika.BlockingConnection(bus.parameters("admin")) as connection:
        declaration.declare(connection, subscriptions.read())
    gateway = Gateway(folder, ports, environment)
    try:
        yield gateway
    finally:
        gateway.process.stop()
        orphans.end(folder)


@pytest.fixture(scope="module")
def gateway(env: Environment) -> Iterator[Gateway]:
    """The gateway, in a world made anew."""
    env.renew()
    with running(env.session / f"gateway-{env.worker}", env.ports, env.environment()) as made:
        yield made
