"""The platform that runs are made on: two runners, the edge before all, and the agent that notes what it does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from functions.domain.catalog import agents, bundles, releases
from functions.domain.catalog.releases import Declared
from functions.runtime.databases import shared_transaction
from provisioning.local_settings import LOOPBACK
from tools.chaos.kills import platform
from tools.chaos.kills.noted import Noted
from tools.chaos.kills.platform import Platform
from tools.chaos.runs import agent
from tools.chaos.runs.plan import RETRIES, WEIGHTS
from tools.local import health, processes
from tools.local.ports import free_ports

SLUGS: Final = {False: "chaos-once", True: "chaos-again"}
"""The agent that is asked once, and that which may be asked again."""


@contextmanager
def running(noted: Noted) -> Iterator[Platform]:
    """Start the platform; leave nothing of it running."""
    settings = {
        # The agent notes what it does in a process of this machine.
        "AGENT_EGRESS": "all",
        # All that readers do comes from one address.
        **dict.fromkeys(("EDGE_REQUESTS", "EDGE_SOCKETS", "EDGE_STREAMS"), "1000"),
        "EDGE_RATE": "2000r/s",
    }
    with platform.running(noted, WEIGHTS, publish=_publish, more=_add, **settings) as started:
        yield started


def edge(started: Platform) -> str:
    """Return the address of the edge."""
    return f"http://{LOOPBACK}:{started.servers.ports.edge}"


def _publish(folder: Path) -> None:
    (folder / "main.py").write_text(Path(agent.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    for again, slug in SLUGS.items():
        declared = Declared(retries=RETRIES if again else 0)
        release = releases.checked(
            "1.0.0", config_schema={"type": "object"}, bundle=bundles.bundle(folder), declared=declared
        )
        with shared_transaction("admin") as db:
            agents.create(db, slug, name=slug, summary="Says what it is told to.")
            releases.publish(db, slug, release)


def _add(started: Platform) -> None:
    ports, run = started.servers.ports, started.servers.run
    [port] = free_ports(1)
    command = processes.functions(ports)["runner"]
    # What is set last counts.
    second = [*command[:2], f"MONITORING_LISTEN={LOOPBACK}:{port}", *command[2:]]
    started.add("runner-2", second, lambda: health.answers(port, "/_/ready"))
    watchers = processes.watchers(run, ports)
    started.add("edge", watchers["edge"], health.watchers(ports)["edge"])
