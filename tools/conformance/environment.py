"""The product as processes on services of its own, behind its edge, with instances of sample agents to be spoken to."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.ids import new_id
from provisioning.local_settings import LOOPBACK
from tools.bench.instances import product
from tools.bench.instances.product import Product
from tools.harness.outages import private_servers
from tools.local import health, processes
from tools.local.servers import managed_process

PACKAGES: Final = Path(__file__).resolve().parents[2] / "build" / "conformance"
"""Where the bootstrap has installed kits and clients."""

PYTHON: Final = PACKAGES / "python" / "bin" / "python"
"""The interpreter that has the clients in Python."""

CLIENTS: Final = Path(__file__).resolve().parent / "clients"
"""Programs that use them, each run by itself: none of them imports anything of ours."""

SHARED_PSQL: Final = "shared_psql"


@dataclass
class Environment(Product):
    """The product, and its address."""

    owner: str
    """An account that has instances."""

    @property
    def address(self) -> str:
        """Where the edge is."""
        return f"http://{LOOPBACK}:{self.ports.edge}"

    @property
    def bearer(self) -> str:
        """An access token of the owner's, good for ten minutes."""
        return self.token(self.owner)

    def launched(self, agent: str) -> str:
        """Launch a sample agent for the owner, wait until it is running, and return the instance's id."""
        return self.create(self.owner, agent=agent, name=agent)


def node() -> Path:
    """Return the Node that the kits need. Raises RuntimeError if it isn't installed."""
    for found in sorted(PACKAGES.glob("node_modules/node-*/bin/node")):
        return found
    raise RuntimeError("the kits of npm are not installed: see what the bootstrap has said")


@contextmanager
def running() -> Iterator[Environment]:
    """Start everything, with the sample agents in the catalog; end and remove it afterwards."""
    # A run that is told to end must still end its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    with private_servers() as servers:
        os.environ["EDGE_RATE"], os.environ["EDGE_BURST"] = "1000r/s", "1000"
        # Where cards say that instances are.
        os.environ["API_URL"] = f"http://{LOOPBACK}:{servers.ports.edge}"
        # Kits and clients are notified on this machine.
        os.environ["PUSH_NETWORKS"], os.environ["PUSH_HTTP"] = f"{LOOPBACK}/32", "allowed"
        product.prepare()
        with (
            closing(product.connect(servers.ports, SHARED_PSQL)) as postgres,
            product.running(servers) as started,
        ):
            command = processes.watchers(servers.run, servers.ports)["edge"]
            edge = managed_process.start("edge", command, run=servers.run, cwd=servers.run)
            try:
                edge.wait_until(health.watchers(servers.ports)["edge"])
                yield Environment(servers.ports, started, postgres, new_id("usr"))
            finally:
                managed_process.stop_all([edge])
