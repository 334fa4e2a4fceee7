"""Flower, on the events that the worker sends."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
from urllib3 import make_headers

from core import http_client
from functions.jobs import queue
from functions.jobs.settings import CONVERGE, USER_QUEUE
from provisioning.local_settings import ROOT
from testing.environment import Environment
from testing.launches import Launched
from tools.local import processes
from tools.local.ports import free_ports
from tools.local.servers import managed_process
from tools.local.servers.managed_process import ManagedProcess

LOGIN = "botberi:a password"


def asked(port: int, path: str, login: str | None = LOGIN, method: str = "GET") -> tuple[int, str]:
    """Return status and text of an answer; 0 where nobody answers."""
    try:
        url, headers = f"http://127.0.0.1:{port}{path}", make_headers(basic_auth=login)
        response = http_client.request(method, url, seconds=5, headers=headers)
    except OSError:
        return 0, ""
    return response.status, response.body.decode()


def seen(port: int, what: str) -> Any:
    status, text = asked(port, f"/api/{what}")
    return json.loads(text) if status == HTTPStatus.OK else None


@pytest.fixture
def flower(env: Environment) -> Iterator[int]:
    """The port on which Flower answers."""
    [port] = free_ports(1)
    command = processes.watchers(env.session, replace(env.ports, flower=port))["flower"]
    environment = {**os.environ, "FLOWER_BASIC_AUTH": LOGIN}
    process = managed_process.start("flower", command, run=env.session, cwd=ROOT, environment=environment)
    process.wait_until(lambda: seen(port, "workers") is not None)
    yield port
    process.stop()


def test_flower_shows_the_worker_and_its_jobs(
    launch: Callable[..., Launched],
    worker: Callable[..., ManagedProcess],
    eventually: Callable[..., Any],
    env: Environment,
    flower: int,
) -> None:
    instance = launch()
    queue.converge(instance.id)
    worker(INSTANCE_SWEEP_SECONDS="1000")
    # Flower asks for workers when it starts, and whenever it is told to.
    eventually(lambda: seen(flower, "workers?refresh=true"))
    done = ("instance.converge", f"[{instance.id!r}]", "SUCCESS")
    eventually(lambda: done in [(job["name"], job["args"], job["state"]) for job in seen(flower, "tasks").values()])
    # Whoever has no password learns that Flower lives, and nothing else.
    assert "flower_events_total" in asked(flower, "/metrics")[1]
    for nobody in (None, "botberi:wrong", "botberi:"):
        assert [asked(flower, path, nobody)[0] for path in ("/", "/api/workers", "/metrics", "/metrics?x=1")] == [
            401
        ] * 4
    assert asked(flower, "/healthcheck", None) == (200, "OK")
    # Nobody takes a worker its queues, or sends a job, by Flower: also not who has the password.
    [name] = seen(flower, "workers")
    for order in (f"worker/queue/cancel-consumer/{name}?queue={USER_QUEUE}", f"worker/shutdown/{name}"):
        assert asked(flower, f"/api/{order}", method="POST")[0] == 405
    assert asked(flower, f"/api/task/send-task/{CONVERGE}", method="POST")[0] == 405
    with env.redis() as client:
        assert [(entry["username"], entry["reason"], entry["object"]) for entry in client.acl_log()] == []
