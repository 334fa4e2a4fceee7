"""All of the product as processes, with a hundred thousand instances at rest, and beside it a database with few."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest
from sqlalchemy import Engine

from core.ids import new_id
from core.postgres.pipelined import DiscreetNative
from functions.runtime import databases, metrics
from functions.services.agent_host.exposition import AWAKE
from provisioning.local_settings import LOOPBACK, Ports
from tools.bench.instances import filling, product
from tools.bench.instances.product import Product
from tools.harness.environment import POSTGRES, wait
from tools.harness.outages import exit_when_told, private_servers
from tools.harness.scrape import Watch
from tools.local.databases import create

MANY: Final = "shared_psql"
"""The database that the processes work on."""

FEW: Final = "shared_psql_few"

IDLE_SECONDS: Final = 10
"""How long an agent stays awake here, so that what is measured at rest needn't wait for a minute."""


@dataclass
class InstancesEnvironment(Product):
    """The product's processes, and both databases."""

    few: DiscreetNative
    """On the smaller database, as the superuser."""
    count: int
    """Instances of the larger database."""
    plans: dict[str, str] = field(default_factory=dict)
    """How Postgres found what was asked for at the larger size, by what that was."""
    with_few: "AtRest | None" = None
    """What the agent host took before the database was filled up."""

    def engine(self, database: str, role: str) -> Engine:
        """Return an engine as the functions of a role have, on either database."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("SHARED_PSQL_URL", f"{LOOPBACK}:{self.ports.shared_psql}/{database}")
            return databases.engine.__wrapped__("shared_psql", role)

    def settle(self) -> None:
        """Have Postgres do now what is left to it, and wait until no agent is awake."""
        for connection in (self.postgres, self.few):
            connection.run("vacuum analyze")
        self.run("checkpoint")
        self.wait_asleep()

    def wait_asleep(self) -> None:
        """Wait until no agent is awake."""
        host = Watch(self.ports.agent_host, metrics.PATH)
        wait(lambda: host.value(AWAKE) == 0, 120, "agents don't go to sleep", pause=0.2)

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
    exit_when_told()
    with private_servers(**POSTGRES) as servers:
        # As in production: relays probe the path every now and then, which is part of what rest costs.
        del os.environ["RELAY_PROBE_SECONDS"]
        os.environ["AGENT_IDLE_SECONDS"] = str(IDLE_SECONDS)
        os.environ["ACCOUNT_INSTANCES"] = "1000000"
        product.prepare()
        _copy(servers.ports)
        with (
            closing(product.connect(servers.ports, MANY)) as many,
            closing(product.connect(servers.ports, FEW)) as few,
            product.running(servers) as started,
        ):
            env = InstancesEnvironment(servers.ports, started, many, few, count)
            _fill(env)
            yield env


def _copy(ports: Ports) -> None:
    """Make a copy of the database while nobody is connected to it."""
    databases.engine("shared_psql", "admin").dispose()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SHARED_PSQL_URL", f"{LOOPBACK}:{ports.shared_psql}/{FEW}")
        create("shared_psql", template=MANY)


def _fill(env: InstancesEnvironment) -> None:
    """Fill both databases with copies of an instance that was created and is asleep again."""
    rows = filling.pattern(env.postgres, created(env, new_id("usr")))
    filling.fill(env.few, rows, 1, filling.FEW, size=filling.FEW)
    some = min(filling.SOME, env.count)
    filling.fill(env.postgres, rows, 1, some, size=env.count)
    env.settle()
    env.with_few = env.at_rest()
    filling.fill(env.postgres, rows, some + 1, env.count, size=env.count)
    env.settle()


def created(env: InstancesEnvironment, owner: str) -> str:
    """Create an instance, wait until it is running, and return its id."""
    return env.create(owner, config=filling.CONFIG, labels=filling.LABELS)
