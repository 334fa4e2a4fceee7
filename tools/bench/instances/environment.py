"""All of the product as processes, with a hundred thousand instances at rest, and beside it a database with few."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pika
import psutil
import pytest
from sqlalchemy import Engine

from core import http_client
from core.configuration import secret
from core.ids import new_id
from core.postgres.pipelined import DiscreetNative
from core.postgres.session import Row, Value
from events import subscriptions
from events.broker import bus
from events.topology import declaration
from functions.domain.accounts import access_tokens
from functions.runtime import databases, metrics
from functions.services.agent_host.exposition import AWAKE
from provisioning import local_settings, seed
from provisioning.local_settings import LOOPBACK, Ports
from tools.bench.instances import filling
from tools.harness.environment import POSTGRES, wait
from tools.harness.outages import private_servers
from tools.harness.scrape import Watch
from tools.local import health, orphans, processes
from tools.local.databases import create
from tools.local.servers import managed_process, postgres_server
from tools.local.servers.managed_process import ManagedProcess

MANY: Final = "shared_psql"
"""The database that the processes work on."""

FEW: Final = "shared_psql_few"

IDLE_SECONDS: Final = 10
"""How long an agent stays awake here, so that what is measured at rest needn't wait for a minute."""


@dataclass
class InstancesEnvironment:
    """The product's processes, and both databases."""

    folder: Path
    ports: Ports
    started: dict[str, ManagedProcess]
    """By name, servers among them."""
    count: int
    """Instances of the larger database."""
    connections: dict[str, DiscreetNative]
    """As the superuser, by database."""
    plans: dict[str, str] = field(default_factory=dict)
    """How Postgres found what was asked for at the larger size, by what that was."""
    with_few: "AtRest | None" = None
    """What the agent host took before the database was filled up."""

    def run(self, sql: str, *, database: str = MANY, **values: Value) -> list[Row]:
        """Run a statement as the superuser and return its rows."""
        return self.connections[database].run(sql, **values) or []

    def engine(self, database: str, role: str) -> Engine:
        """Return an engine as the functions of a role have, on either database."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("SHARED_PSQL_URL", f"{LOOPBACK}:{self.ports.shared_psql}/{database}")
            return databases.engine.__wrapped__("shared_psql", role)

    def token(self, account_id: str) -> str:
        """Return an access token of an account."""
        return access_tokens.issue(account_id, new_id("ses"), ("user",))

    def settle(self) -> None:
        """Have Postgres do now what is left to it, and wait until no agent is awake."""
        for connection in self.connections.values():
            connection.run("vacuum analyze")
        self.run("checkpoint")
        self.wait_asleep()

    def wait_asleep(self) -> None:
        """Wait until no agent is awake."""
        host = Watch(self.ports.agent_host, metrics.PATH)
        wait(lambda: host.value(AWAKE) == 0, 120, "agents don't go to sleep", pause=0.2)

    def family(self, name: str) -> list[psutil.Process]:
        """Return a process and all below it."""
        process = psutil.Process(self.started[name].process.pid)
        return [process, *process.children(recursive=True)]

    def spent(self, *names: str) -> float:
        """Return the seconds that processes have taken so far, with those below them, ended ones too."""
        times = [each.cpu_times() for name in names for each in self.family(name) if each.is_running()]
        return sum(each.user + each.system + each.children_user + each.children_system for each in times)

    def at_rest(self) -> "AtRest":
        """Return what the agent host takes now."""
        family = self.family("agent-host")
        return AtRest(sum(each.memory_full_info().pss for each in family) / 1e6, len(family))


@dataclass(frozen=True)
class AtRest:
    """What a host takes while none of its agents is awake."""

    memory: float
    """MB, shared pages in proportion (PSS)."""
    processes: int


@contextmanager
def prepared(count: int) -> Iterator[InstancesEnvironment]:
    """Start everything with `count` instances and as many agents in the catalog; end and remove it afterwards."""
    # A run that is told to end must still end its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    with private_servers(**POSTGRES) as servers:
        # As in production: relays probe the path every now and then, which is part of what rest costs.
        del os.environ["RELAY_PROBE_SECONDS"]
        os.environ["AGENT_IDLE_SECONDS"] = str(IDLE_SECONDS)
        os.environ["ACCOUNT_INSTANCES"] = "1000000"
        _make(servers.ports)
        env = InstancesEnvironment(
            servers.run,
            servers.ports,
            {each.name: each for each in servers.started},
            count,
            {name: _connect(servers.ports, name) for name in (MANY, FEW)},
        )
        try:
            _start(env)
            _fill(env)
            yield env
        finally:
            for process in env.started.values():
                if process not in servers.started:
                    process.ask_to_stop()
            for process in env.started.values():
                if process not in servers.started:
                    process.stop()
            orphans.end(servers.run)
            for connection in env.connections.values():
                connection.close()


def _make(ports: Ports) -> None:
    """Make the topology, the catalog, and a copy of the database while nobody is connected to it."""
    with pika.BlockingConnection(bus.parameters("admin")) as connection:
        declaration.declare(connection, subscriptions.read())
    seed.catalog()
    databases.engine("shared_psql", "admin").dispose()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SHARED_PSQL_URL", f"{LOOPBACK}:{ports.shared_psql}/{FEW}")
        create("shared_psql", template=MANY)


def _connect(ports: Ports, database: str) -> DiscreetNative:
    # Without a time limit: it fills tables.
    password = secret("psql-superuser")
    return DiscreetNative(
        postgres_server.SUPERUSER, host=LOOPBACK, port=ports.shared_psql, database=database, password=password
    )


def _start(env: InstancesEnvironment) -> None:
    commands, ready = processes.functions(env.ports), health.functions(env.ports)
    for name, command in commands.items():
        env.started[name] = managed_process.start(name, command, run=env.folder, cwd=local_settings.ROOT)
    for name in commands:
        env.started[name].wait_until(ready[name])


def _fill(env: InstancesEnvironment) -> None:
    """Fill both databases with copies of an instance that was created and is asleep again."""
    rows = filling.pattern(env.connections[MANY], created(env, new_id("usr")))
    filling.fill(env.connections[FEW], rows, 1, filling.FEW, size=filling.FEW)
    some = min(filling.SOME, env.count)
    filling.fill(env.connections[MANY], rows, 1, some, size=env.count)
    env.settle()
    env.with_few = env.at_rest()
    filling.fill(env.connections[MANY], rows, some + 1, env.count, size=env.count)
    env.settle()


def created(env: InstancesEnvironment, owner: str) -> str:
    """Create an instance, wait until it is running, and return its id."""
    wanted = json.dumps({"agent": "echo", "name": "A bench", "config": filling.CONFIG, "labels": filling.LABELS})
    headers = {"Authorization": f"Bearer {env.token(owner)}", "Content-Type": "application/json"}
    url = f"http://{LOOPBACK}:{env.ports.user}/v1/instances"
    answer = http_client.request("POST", url, seconds=30, body=wanted.encode(), headers=headers)
    if answer.status != HTTPStatus.CREATED:
        message = f"no instance was created: {answer.body.decode()}"
        raise RuntimeError(message)
    instance_id = json.loads(answer.body)["id"]
    status = "select status from instances where id = :id"
    wait(lambda: env.run(status, id=instance_id) == [["running"]], 120, "an instance doesn't run", pause=0.003)
    return str(instance_id)
