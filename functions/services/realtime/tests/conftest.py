"""A gateway as a process, on a RabbitMQ and Postgres where nothing else happens."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pika
import pytest
from sqlalchemy import text

from events import bus
from events.catalog.accounts import SessionRevoked
from events.catalog.instances import InstanceStatusChanged
from functions.local import leftovers, settings
from functions.local.testing.stack import Stack
from functions.local.testing.world import World
from functions.services.realtime.tests.tabs import Tab


class Gateway(Stack):
    """The gateway, and hands on both ends of it."""

    @property
    def port(self) -> int:
        """Where browsers connect, without an edge."""
        return self.world.ports.gateway

    def tab(self, token: str | None = None, after: str | None = None) -> Tab:
        """Connect."""
        return Tab(self.port, token, after)

    def publish(self, owner: str = "usr_ada", subject: str = "ins_1", **attributes: Any) -> str:  # noqa: ANN401 - JSON
        """Let RabbitMQ carry an event about an instance, as a relay publishes it; return its id."""
        data = {"instance_id": subject, "owner_id": owner, "previous": "starting", "status": "running"}
        event = {
            "specversion": "1.0",
            "id": f"evt_{uuid.uuid4().hex}",
            "source": "/botberi/shared_psql",
            "type": InstanceStatusChanged.type,
            "subject": subject,
            "time": "2026-01-02T03:04:05Z",
            "data": data | {"reason": "agent_ready", "sentence": "It answers."},
        }
        self.send(event | attributes)
        return str((event | attributes)["id"])

    def end_session(self, session: str) -> None:
        """Let RabbitMQ carry that a session has ended."""
        data = {
            "session_id": session,
            "account_id": "usr_ada",
            "reason": "logged_out",
            "expires_at": "2030-01-01T00:00:00Z",
        }
        self.publish(type=SessionRevoked.type, source="/botberi/user_psql", subject=session, data=data)

    @staticmethod
    def send(*events: dict[str, Any]) -> None:
        """Publish events."""
        with pika.BlockingConnection(bus.parameters("relay")) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for event in events:
                channel.basic_publish(bus.EXCHANGE, event["type"], json.dumps(event).encode())

    def revoke(self, session: str) -> None:
        """Let shared_psql know that a session has ended, and nobody else."""
        with self.world.transaction("shared_psql", "subscribers") as db:
            revoked = text("insert into revoked_sessions values (:id, now() + interval '10 minutes')")
            db.execute(revoked, {"id": session})

    def watched(self, path: str) -> tuple[int, str]:
        """Return what the gateway answers those who watch over it."""
        connection = HTTPConnection("127.0.0.1", self.world.ports.watch_gateway, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def figure(self, name: str) -> float:
        """Return one of its metrics."""
        lines = [line for line in self.watched("/metrics")[1].splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].rpartition(" ")[2])


@pytest.fixture(scope="module")
def gateway(world: World) -> Iterator[Gateway]:
    """The gateway, in a world made anew."""
    world.renew()
    made = Gateway(world)
    try:
        topology = [sys.executable, "-m", "events.topology"]
        subprocess.run(topology, cwd=settings.ROOT, env=made.environment, check=True, capture_output=True)  # noqa: S603 - our own command
        made.start("gateway")
        made.wait("gateway")
        yield made
    finally:
        for process in made.processes.values():
            process.stop()
        leftovers.end(made.folder)
