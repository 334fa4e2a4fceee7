"""The environment of the benchmarks: services of their own in a temporary folder, forced to disk as in production."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pika
import psutil

from core.configuration import secret
from core.postgres.session import Row, Session, Value
from events.broker import bus
from events.subscriptions import Subscription
from events.topology import declaration
from provisioning import local_settings
from provisioning.local_settings import Ports
from tools.harness.outages import exit_when_told, private_servers
from tools.local.servers import managed_process, postgres_server
from tools.local.servers.managed_process import ManagedProcess
from tools.local.wait import until

DATABASE: Final = "shared_psql"

QUEUE: Final = Subscription("receive-nothing", "botberi.bench", ("#",), concurrency=16)
"""A quorum queue like every subscriber's: the relay and its opponents all publish into this one."""

TYPE: Final = "com.botberi.agent.created.v1"

_FILL: Final = """
select count(emit_event(:type, subject, jsonb_build_object('agent_id', subject, 'slug', 'n' || n)))
from generate_series(1, :count) n, concat('agt_', n % 1000) as subject
"""


_LAST: Final = "(select seq, xid from outbox order by seq desc limit 1) as outbox"

_WAITING: Final = """
select exists (
  select from {among}, relay_cursor where not pg_visible_in_snapshot(xid, s1)
  and pg_visible_in_snapshot(xid, pg_current_snapshot()) and (seq > last_seq or s1::text = s2::text)
)
"""


class BenchEnvironment:
    """Services, and the processes of the event path on them."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        """Use `prepared`."""
        self.folder = folder
        self.ports = ports
        self.processes: dict[str, ManagedProcess] = {}
        self.superuser = postgres_server.connect(ports.shared_psql, secret("psql-superuser"), DATABASE, seconds=None)

    def run(self, sql: str, **values: Value) -> list[Row]:
        """Run a statement as the superuser, without time limits, and return its rows."""
        return self.superuser.run(sql, **values) or []

    def session(self, role: str = "admin") -> Session:
        """Open a connection in a role."""
        return Session(DATABASE, role, name="botberi-bench")

    def broker(self) -> pika.BlockingConnection:
        """Connect to RabbitMQ as the administrator."""
        return pika.BlockingConnection(bus.parameters("admin"))

    def depth(self, queue: str = QUEUE.queue) -> int:
        """Return how many messages are ready in a queue."""
        with self.broker() as connection:
            return int(connection.channel().queue_declare(queue, passive=True).method.message_count)

    def purge(self) -> None:
        """Empty the queue."""
        with self.broker() as connection:
            connection.channel().queue_purge(QUEUE.queue)

    def start(self, name: str, module: str, *arguments: str, **environment: str) -> ManagedProcess:
        """Start a module of this project as a process of its own."""
        command = [sys.executable, "-m", module, *arguments]
        process = managed_process.start(
            name, command, run=self.folder, cwd=local_settings.ROOT, environment=environment
        )
        self.processes[name] = process
        return process

    def stop(self, name: str) -> None:
        """Stop a process."""
        self.processes.pop(name).stop(seconds=8)

    def clear(self) -> None:
        """Stop every process and empty the queues, after a measurement that failed."""
        for name in list(self.processes):
            self.stop(name)
        with self.broker() as connection:
            for queue in (QUEUE.queue, bus.NOTIFY_QUEUE):
                connection.channel().queue_purge(queue)
        self.run("truncate inbox")

    def start_relay(self, name: str = "relay") -> ManagedProcess:
        """Start a relay and wait until it is active or stands by."""
        log = self.folder / "logs" / f"{name}.log"
        log.unlink(missing_ok=True)
        process = self.start(name, "events.relay", DATABASE)
        process.wait_until(lambda: any(word in log.read_text() for word in ("relaying", "standing by")))
        return process

    def settle(self) -> None:
        """Have Postgres do now what earlier measurements have left to it, not in the middle of the next."""
        self.run("vacuum analyze")
        self.run("checkpoint")

    def emit(self, count: int) -> None:
        """Commit `count` events of a thousand subjects in one transaction."""
        self.run(_FILL, type=TYPE, count=count)

    def waiting(self) -> bool:
        """Return whether an event is not delivered yet, as far as the cursor says."""
        # All of them are looked at only when the last is delivered: that takes as much of Postgres as the relay does.
        return any(self.run(_WAITING.format(among=among))[0][0] for among in (_LAST, "outbox"))

    def wait_delivered(self, seconds: float = 600) -> None:
        """Wait until every committed event is confirmed and the cursor says so."""
        wait(lambda: not self.waiting(), seconds, "the relay did not deliver everything")

    def program(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """Run a program to its end and return what it wrote."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        if done.returncode:
            message = f"{command[0]} ended with {done.returncode}: {done.stderr}"
            raise RuntimeError(message)
        return done.stdout


def wait(condition: Callable[[], bool], seconds: float, otherwise: str, *, pause: float = 0.02) -> None:
    """Wait for a condition, or raise TimeoutError."""
    if not until(condition, seconds=seconds, pause=pause):
        raise TimeoutError(otherwise)


def high_water(process: ManagedProcess) -> float:
    """Return the most memory that a process has had so far, in MB."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return next(int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmHWM"))


@contextmanager
def prepared() -> Iterator[BenchEnvironment]:
    """Start the services, make databases and topology; end and remove everything afterwards."""
    exit_when_told()
    with private_servers(**POSTGRES) as servers:
        file = servers.run / "subscriptions.json"
        file.write_text(json.dumps([asdict(QUEUE)]))
        os.environ["SUBSCRIPTIONS"] = str(file)
        with pika.BlockingConnection(bus.parameters("admin")) as connection:
            declaration.declare(connection, [QUEUE])
        env = BenchEnvironment(servers.run, servers.ports)
        env.run("create extension pg_stat_statements")
        # Known to Postgres only since the restart.
        env.run("alter system set pg_stat_statements.track = 'all'")
        env.run("select pg_reload_conf()")
        yield env
        env.superuser.close()


POSTGRES: Final = {
    # It counts exactly, however noisy the machine is.
    "shared_preload_libraries": "pg_stat_statements",
    # A checkpoint in the middle of a repetition would be measured instead of the code.
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
}
"""Settings of Postgres for whoever measures."""


def machine() -> str:
    """Return one line about the machine: processor, cores, memory, versions."""
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(": ")[2] for line in facts if line.startswith("model name")), "unknown processor")
    memory = psutil.virtual_memory().total / 2**30
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB; Python {sys.version.split()[0]}"


def versions(env: BenchEnvironment) -> str:
    """Return the versions of the servers."""
    [[postgres]] = env.run("show server_version")
    with env.broker() as connection:
        rabbitmq = getattr(connection, "_impl").server_properties["version"]  # noqa: B009 - told nowhere else
    return f"PostgreSQL {postgres.split()[0]}, RabbitMQ {rabbitmq}, pika {pika.__version__}, load {load()} at the start"


def load() -> str:
    """Return how many processes wanted a core, on average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
