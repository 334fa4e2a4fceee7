"""The whole topology under compose, on free ports, for tests: up when it is entered, gone with its data afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from functions.runtime import functions
from migrations.databases import connect
from provisioning.local_settings import LOOPBACK, ROOT
from testing import clients
from testing.clients import Api
from tools.images.engine import docker, inspected
from tools.local.ports import free_ports
from tools.manifests.compose import FILE

PORTS: Final = (
    *("EDGE", "USER", "ADMIN", "BROKER", "USER_PSQL", "SHARED_PSQL", "USER_REDIS"),
    *("EVENT_BUS", "EVENT_BUS_PAGE", "FLOWER", "SMTP", "MAIL", "S3"),
)

TIMEOUT: Final = 900
"""Seconds until everything is healthy: long, since the machine may be busy with other things."""


class Containers:
    """What a test may know of what is inside the containers."""

    def __init__(self, ports: dict[str, int], secrets: Path) -> None:
        """`ports` by the names in `PORTS`; `secrets` is the folder of their files."""
        self.secrets = secrets
        os.environ["BOTBERI_SECRETS"] = str(secrets)
        for database in ("USER_PSQL", "SHARED_PSQL"):
            os.environ[f"{database}_URL"] = f"{LOOPBACK}:{ports[database]}/{database.lower()}"

    def transaction(self, database: str, role: str) -> AbstractContextManager[Connection]:
        """Open a transaction on `user_psql` or `shared_psql` in a role."""
        return connect(database, role).begin()


class Topology(Api):
    """Clients of the APIs behind the edge, and a hand on the containers."""

    def __init__(self, environment: Path) -> None:
        """Use `running`."""
        self.environment = environment
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.settings = {
            **os.environ,
            "BOTBERI_PROJECT": f"botberi-test-{os.getpid()}",
            "BOTBERI_ENVIRONMENT": str(environment),
            # Those of the tests.
            # The tests all come from one address.
            "BOTBERI_RATE": "1000r/s",
            "BOTBERI_GUESS_RATE": "1000r/s",
            "BOTBERI_GUESS_BURST": "1000",
            **{f"BOTBERI_PORT_{name}": str(port) for name, port in self.ports.items()},
        }
        apis = {name: f"http://{LOOPBACK}:{self.ports[name.upper()]}" for name in ("user", "admin", "broker")}
        edge = f"http://{LOOPBACK}:{self.ports['EDGE']}"
        super().__init__(clients.over_http({**apis, "subscribers": edge}), functions.declarations())
        self.env = Containers(self.ports, environment / "secrets")

    def compose(self, *arguments: str) -> str:
        """Run `docker compose` on the topology and return what it writes to standard output."""
        return docker("compose", "--file", str(ROOT / FILE), *arguments, environment=self.settings)

    def up(self) -> float:
        """Start what isn't running and wait until everything is healthy; return the seconds that it took."""
        started = time.monotonic()
        self.compose("--progress", "quiet", "up", "--detach", "--wait", "--wait-timeout", str(TIMEOUT))
        return time.monotonic() - started

    def stop(self) -> None:
        """Stop everything; its data stays."""
        stop = ("--progress", "quiet", "stop", "--timeout", "30")
        try:
            self.compose(*stop)
        except subprocess.CalledProcessError:
            # Engines before 23 give up on a container that was killed in the middle of a health check, and is gone a
            # moment later.
            self.compose(*stop)

    def down(self) -> None:
        """Remove everything, data included."""
        # One after the other: engines before 23 lose count of a network's containers when many leave it at once.
        for container in self.containers():
            docker("rm", "--force", "--volumes", container)
        try:
            self.compose("--progress", "quiet", "down", "--volumes", "--remove-orphans")
        except subprocess.CalledProcessError:
            self._admit_a_miscounted_network()

    def _admit_a_miscounted_network(self) -> None:
        """Say that the engine keeps networks which nobody is in, since it counted wrong; raise if that isn't it."""
        label = f"label=com.docker.compose.project={self.settings['BOTBERI_PROJECT']}"
        for found in inspected(*docker("network", "ls", "--quiet", "--filter", label).split()):
            if found["Containers"]:
                message = f"containers are left in the network {found['Name']}: {', '.join(found['Containers'])}"
                raise RuntimeError(message)
            told = f"the engine keeps the empty network {found['Name']} until it is restarted (engines before 23 do)"
            sys.stderr.write(f"{told}\n")

    def log(self, name: str) -> str:
        """Return what a service has written, in the words of the local run: the host is all functions together."""
        services = {"host": [each.deployment for each in self.declarations], "worker": ["celery_worker"]}
        return self.compose("logs", "--no-color", *services.get(name, [name]))

    def containers(self) -> list[str]:
        """Return the ids of all containers, those that have ended too."""
        return self.compose("ps", "--all", "--quiet").split()


@contextmanager
def running(environment: Path) -> Iterator[Topology]:
    """Bring the topology up with secrets of its own in the folder `environment`, and leave nothing of it behind."""
    topology = Topology(environment)
    try:
        topology.up()
        yield topology
    except subprocess.CalledProcessError as error:
        states = topology.compose("ps", "--all", "--format", "{{.Service}} {{.Status}}")
        error.add_note("\n".join(line for line in states.splitlines() if "(healthy)" not in line))
        raise
    finally:
        topology.down()
