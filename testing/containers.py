"""A single container for tests: started as the platforms start theirs, and gone afterwards."""

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

from core import http_client
from provisioning.local_settings import LOOPBACK
from tools.images.engine import docker, inspected
from tools.local.ports import free_ports
from tools.local.wait import until

TMP: Final = "/tmp"  # nosec B108 # noqa: S108 - the container's own

STRICT: Final = ("--read-only", "--tmpfs", f"{TMP}:mode=1777", "--cap-drop", "ALL")
"""How platforms start containers: nothing may be written to but /tmp."""

TIMEOUT: Final = 60
"""Seconds."""


class Container:
    """A container that serves functions."""

    def __init__(self, name: str, port: int) -> None:
        """Use `started`."""
        self.name = name
        self.port = port

    def ask(
        self, method: str, path: str, body: http_client.Body | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request; a body that is an iterator goes in chunks. Returns the status and the body."""
        url = f"http://{LOOPBACK}:{self.port}{path}"
        response = http_client.request(method, url, seconds=TIMEOUT, body=body, headers=headers)
        return response.status, response.body

    def is_healthy(self) -> bool:
        """Return whether health is answered with 200."""
        return http_client.is_ok(f"http://{LOOPBACK}:{self.port}/_/health", seconds=TIMEOUT)

    def slowest_probe(self, times: int = 20) -> float:
        """Return the milliseconds that the slowest of some readiness probes took; each must be answered with 200."""
        slowest = 0.0
        for _ in range(times):
            started = time.perf_counter()
            status, _body = self.ask("GET", "/_/ready")
            slowest = max(slowest, time.perf_counter() - started)
            if status != HTTPStatus.OK:
                message = f"a probe was answered with {status}"
                raise AssertionError(message)
        return slowest * 1000

    @contextmanager
    def busy(self, path: str, times: int, body: bytes) -> Iterator[list[int]]:
        """Keep some POSTs under way inside the block; their statuses are in the list afterwards."""
        statuses: list[int] = []

        def ask() -> None:
            statuses.append(self.ask("POST", path, body, {"Content-Type": "application/json"})[0])

        asking = [threading.Thread(target=ask) for _ in range(times)]
        for each in asking:
            each.start()
        yield statuses
        for each in asking:
            each.join(TIMEOUT)

    def has(self, file: str) -> bool:
        """Return whether there is a file of this name in the container's /tmp."""
        return file in docker("exec", self.name, "ls", TMP).split()

    def touch(self, file: str) -> None:
        """Make a file of this name in the container's /tmp."""
        docker("exec", self.name, "touch", f"{TMP}/{file}")

    def terminate(self) -> None:
        """Send SIGTERM."""
        docker("kill", "--signal", "TERM", self.name)

    def exit_code(self) -> int:
        """Wait until it has ended, and return with what."""
        return int(docker("wait", self.name))

    def logs(self) -> str:
        """Return what it has written so far."""
        command = ["docker", "logs", self.name]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


@contextmanager
def started(image: str, *options: str, arguments: tuple[str, ...] = (), wait: bool = True) -> Iterator[Container]:
    """Start a container of an image with options of `docker run`, wait until it is healthy, remove it at the end."""
    [port] = free_ports(1)
    publish = f"{LOOPBACK}:{port}:8080"
    name = docker("run", "--detach", "--publish", publish, *STRICT, *options, image, *arguments).strip()
    container = Container(name, port)
    try:
        if wait and not until(container.is_healthy, seconds=TIMEOUT):
            message = f"{image} isn't healthy: {inspected(name)[0]['State']['Status']}, {container.logs()}"
            raise AssertionError(message)
        yield container
    finally:
        docker("rm", "--force", "--volumes", name)


def mounted(source: Path, target: str) -> tuple[str, str]:
    """Return the options that put a file or folder of this machine into a container, where it can only be read."""
    return ("--volume", f"{source}:{target}:ro")
