"""All of the product as processes on services of its own, with instances that are asked."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.ids import new_id
from functions.domain.catalog import agents, bundles, releases
from functions.runtime.databases import shared_transaction
from tools.bench.instances import product
from tools.bench.instances.product import Product
from tools.bench.runs import agent
from tools.documents import Document
from tools.harness.environment import POSTGRES
from tools.harness.outages import exit_when_told, private_servers

SLUG: Final = "bench-runs"

INSTANCES: Final = 8
"""Each of an owner of its own, and awake."""

PARTS: Final = {
    "function": ("host",),
    "subscribers": ("subscribers",),
    "relay": ("relay-shared",),
    "broker": ("event_bus",),
    "dispatcher": ("dispatcher",),
    "runner": ("runner",),
    "agent": ("agent-host",),
    "postgres": ("shared_psql",),
    "gateway": ("gateway",),
    "redis": ("user_redis",),
}
"""What a run goes through, and the processes of each; agents belong to their host."""


@dataclass(frozen=True)
class Asked:
    """An instance, and a token of its owner."""

    id: str
    token: str


@dataclass
class RunsEnvironment(Product):
    """The product's processes, and the instances."""

    folder: Path
    """Of everything that belongs to the run."""
    asked: list[Asked] = field(default_factory=list)

    def next(self) -> Iterator[Asked]:
        """Yield the instances in turn, without an end."""
        return itertools.cycle(self.asked)

    def say(self, whom: Asked, text: str) -> Document:
        """Return the run that answers."""
        return self.post(self.ports.user, f"/v1/instances/{whom.id}/messages", {"text": text}, whom.token)

    def settle(self) -> None:
        """Have Postgres do now what is left to it."""
        self.wait_ended()
        self.run("vacuum analyze")
        self.run("checkpoint")

    def parts(self) -> dict[str, float]:
        """Return the seconds of processor that each part has taken so far."""
        return {name: self.spent(*processes) for name, processes in PARTS.items()}


@contextmanager
def prepared() -> Iterator[RunsEnvironment]:
    """Start everything; end and remove it afterwards."""
    exit_when_told()
    with private_servers(**POSTGRES) as servers:
        del os.environ["RELAY_PROBE_SECONDS"]
        os.environ["AGENT_IDLE_SECONDS"] = "600"
        product.prepare()
        _publish()
        with closing(product.connect(servers.ports)) as postgres, product.running(servers) as started:
            env = RunsEnvironment(servers.ports, started, postgres, servers.run)
            for _ in range(INSTANCES):
                owner = new_id("usr")
                env.asked.append(Asked(env.create(owner, agent=SLUG), env.token(owner)))
            for each in env.asked:
                env.say(each, "1 0")
            yield env


def _publish() -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(agent.__file__).read_text(encoding="utf-8")
        (Path(folder) / "main.py").write_text(source, encoding="utf-8")
        release = releases.checked("1.0.0", config_schema={"type": "object"}, bundle=bundles.bundle(Path(folder)))
    with shared_transaction("admin") as db:
        agents.create(db, SLUG, name="Bench", summary="Says words.")
        releases.publish(db, SLUG, release)
