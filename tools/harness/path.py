"""The event path as processes, for tests: topology, relay and dispatcher on a database and vhost of the test's own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pika
from sqlalchemy import text

from core.configuration import secret
from core.postgres.session import Row, Session, Value
from events import subscriptions
from events.broker import bus, management
from events.catalog.agents import AgentCreated
from events.outbox import emit
from events.relay.awake_lock import LOCK
from events.subscriptions import Subscription
from events.topology import declaration
from migrations.databases import connect
from provisioning import local_settings
from provisioning.local_settings import MARK
from tools.harness.recorder import Recorder
from tools.local import orphans
from tools.local.servers import managed_process, postgres_server
from tools.local.servers.managed_process import ManagedProcess

DATABASE: Final = "shared_psql"

RECEIVE_ALL: Final = Subscription("receive-all", "botberi.receive-all", ("#",), 2, 4, 8, 0.02, 0.2)
# Long enough for a function that a test stops and starts again, on a machine with too much to do.
RECEIVE_SOME: Final = Subscription("receive-some", "botberi.receive-some", (AgentCreated.type,), 2, 4, 10, 0.02, 2)


class EventPath:
    """Processes of the event path, and hands on both ends of it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], recorder: Recorder) -> None:
        """`environment` has the settings of the services to use."""
        self.folder = folder
        self.recorder = recorder
        self.environment = {
            **environment,
            "SUBSCRIPTIONS": str(folder / "subscriptions.json"),
            "FUNCTIONS_URL": f"http://127.0.0.1:{recorder.port}/function/{{name}}",
            MARK: str(folder),
        }
        self.processes: dict[str, ManagedProcess] = {}

    def subscribe(self, *wanted: Subscription) -> None:
        """Write the subscriptions' file and make the topology."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "subscriptions.json").write_text(json.dumps([asdict(each) for each in wanted]))
        subscribed = subscriptions.read(self.folder / "subscriptions.json")
        with self.broker() as connection:
            list(declaration.change(connection, subscribed, management.look()))

    def make_topology(self) -> None:
        """Make again what is missing, by the command, which takes a second.

        RabbitMQ 3.10 may never serve a quorum queue that is declared at the moment at which the one before it goes.
        """
        self.declare(check=True)

    def declare(self, *arguments: str, check: bool, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run the topology's command."""
        command = [sys.executable, "-m", "events.topology", *arguments]
        environment = {**os.environ, **self.environment, **environment}
        return subprocess.run(
            command, cwd=local_settings.ROOT, env=environment, check=check, capture_output=True, text=True
        )

    def start(self, name: str, *arguments: str, **environment: str) -> ManagedProcess:
        """Start `relay`, `relay-2`, … or `dispatcher`."""
        service = name.partition("-")[0]
        command = [sys.executable, "-m", f"events.{service}", *([DATABASE] if service == "relay" else []), *arguments]
        return self.run(name, command, **environment)

    def run(self, name: str, command: Sequence[str], **environment: str) -> ManagedProcess:
        """Start a command as one of the path's processes, with more in its environment."""
        environment = {**self.environment, **environment}
        process = managed_process.start(
            name, command, run=self.folder, cwd=local_settings.ROOT, environment=environment
        )
        self.processes[name] = process
        return process

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a process and wait until it has ended; return its exit code."""
        process = self.processes.pop(name).process
        process.send_signal(number)
        return process.wait(60)

    def stop(self) -> None:
        """Stop every process of the path, frozen ones too, and what they left behind."""
        for process in self.processes.values():
            process.process.send_signal(signal.SIGCONT)
            process.stop(seconds=6)
        self.processes.clear()
        orphans.end(self.folder)

    def log(self, name: str) -> str:
        """Return what the processes of that name have logged so far."""
        return (self.folder / "logs" / f"{name}.log").read_text()

    def emit(self, *subjects: str, start: int = 0) -> list[str]:
        """Commit an event about each subject, each in a transaction of its own; return their ids."""
        ids = []
        with connect(DATABASE, "admin").connect() as db:
            for number, subject in enumerate(subjects, start):
                with db.begin():
                    ids.append(emit(db, AgentCreated(agent_id=subject, slug=f"n{number}")))
        return ids

    def query(self, sql: str, role: str = "migrator", **values: Value) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        with connect(DATABASE, role).begin() as db:
            result = db.execute(text(sql), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def parked(self) -> list[str]:
        """Return why the parked events that are open can't be published, in their order."""
        sql = "select reason from parked_events where resolution is null order by seq"
        return [reason for (reason,) in self.query(sql)]

    def resolve_parked(self, how: str) -> None:
        """Redrive (`redriven`) or discard (`discarded`) every parked event that is open."""
        letters = "array(select dead_letter_id from parked_events where resolution is null)"
        self.query(f"select resolve_dead_letters({letters}, :how, 'usr_x')", role="admin", how=how)

    def awake_lock_is_free(self) -> bool:
        """Return whether the relay sleeps or is about to, so that whoever writes has to notify it."""
        held = "select from pg_locks where locktype = 'advisory' and granted"
        return self.query(f"{held} and classid::bigint << 32 | objid::bigint = :key", key=LOCK) == []

    def depth(self, queue: str) -> int:
        """Return how many messages wait in a queue."""
        with self.broker() as connection:
            return int(connection.channel().queue_declare(queue, passive=True).method.message_count)

    def consumers(self, queue: str) -> int:
        """Return how many dispatchers consume from a queue."""
        with self.broker() as connection:
            return int(connection.channel().queue_declare(queue, passive=True).method.consumer_count)

    def purge(self, queue: str) -> None:
        """Empty a queue."""
        with self.broker() as connection:
            connection.channel().queue_purge(queue)

    def terminate(self, name: str) -> int:
        """End the backends of an application's name; return how many there were."""
        sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = :name"
        return int(self.as_superuser(sql, name=name)[0][0])

    def as_superuser(self, sql: str, **values: Value) -> list[Row]:
        """Run a statement as the superuser and return its rows."""
        with closing(postgres_server.connect(*self._database_server())) as superuser:
            return list(superuser.run(sql, **values) or [])

    def _database_server(self) -> tuple[int, str]:
        port = self.environment["SHARED_PSQL_URL"].partition(":")[2].partition("/")[0]
        return int(port), secret("psql-superuser")

    @contextmanager
    def held_open(self) -> Iterator[Session]:
        """Hold a transaction open that has written something."""
        with closing(Session(DATABASE, "migrator", name="held")) as session:
            session.run("begin")
            session.run("select pg_current_xact_id()")
            yield session

    def broker(self) -> pika.BlockingConnection:
        """Connect as the administrator, for as long as it takes: nobody keeps the connection alive meanwhile."""
        return pika.BlockingConnection(bus.parameters("admin", heartbeat=0))


@contextmanager
def running(folder: Path, environment: Mapping[str, str]) -> Iterator[EventPath]:
    """Make a path with its recorder; leave nothing of it running."""
    shutil.rmtree(folder, ignore_errors=True)
    recorder = Recorder()
    recorder.start()
    path = EventPath(folder, environment, recorder)
    try:
        yield path
    finally:
        path.stop()
        recorder.stop()
