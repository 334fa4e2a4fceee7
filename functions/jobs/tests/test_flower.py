"""Flower, on the events that the worker sends."""

import http.client
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.jobs import queue
from functions.local import private_process
from functions.local.ports import free_ports
from functions.local.private_process import PrivateProcess
from functions.local.settings import ROOT
from functions.local.testing.launches import Launched
from functions.local.testing.world import World


def seen(port: int, what: str) -> Any:  # noqa: ANN401 - JSON
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", f"/api/{what}")
        return json.loads(connection.getresponse().read())
    except OSError:
        return None
    finally:
        connection.close()


@pytest.fixture
def flower(world: World) -> Iterator[int]:
    """The port on which Flower answers."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "celery", "--app", "functions.jobs.app", "--quiet", "flower", f"--port={port}"]
    environment = {**os.environ, "FLOWER_UNAUTHENTICATED_API": "true", "FLOWER_ADDRESS": "127.0.0.1"}
    process = private_process.start("flower", command, run=world.session, cwd=ROOT, environment=environment)
    process.wait_until(lambda: seen(port, "workers") is not None)
    yield port
    process.stop()


def test_flower_shows_the_worker_and_its_jobs(
    launch: Callable[..., Launched], worker: Callable[..., PrivateProcess], eventually: Callable[..., Any], flower: int
) -> None:
    instance = launch()
    queue.converge(instance.id)
    worker(INSTANCE_SWEEP_SECONDS="1000")
    # Flower asks for workers when it starts, and whenever it is told to.
    eventually(lambda: seen(flower, "workers?refresh=true"))
    done = ("instance.converge", f"[{instance.id!r}]", "SUCCESS")
    eventually(lambda: done in [(job["name"], job["args"], job["state"]) for job in seen(flower, "tasks").values()])
