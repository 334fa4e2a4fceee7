"""From a message to the first piece of text, in turns with a bare functions-framework process called directly."""

import http.client
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from provisioning.local_settings import LOOPBACK
from tools.bench.http.measure import running
from tools.bench.runs import agent
from tools.bench.runs.environment import Asked, RunsEnvironment
from tools.harness.event_stream import frames

TURNS: Final = 80

MESSAGE: Final = {"text": "20 5"}

REST: Final = 0.15
"""Seconds before each: the events of the run before are on their way when it has ended."""

STAGES: Final = ("accepted", "called", "written", "read")
"""From the request to the row; to the agent's first word; to its row; to the reader."""


def once(env: RunsEnvironment, size: float) -> dict[str, float]:
    """Return the milliseconds to the first piece: bare, from a stream of the POST, and from 202 and the gateway."""
    walls: dict[str, list[float]] = {"bare": [], "post": [], "gateway": []}
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    with _bare() as port, _connection(env.ports.user) as user, _connection(env.ports.gateway) as gateway:
        for whom, _ in zip(env.next(), range(max(10, int(TURNS * size))), strict=False):
            time.sleep(REST)
            walls["bare"].append(_of_bare(port))
            time.sleep(REST)
            wall, began, run_id, text_at = _of_post(user, whom)
            walls["post"].append(wall)
            _stages(env, stages, began, run_id, text_at)
            env.wait_ended()
            time.sleep(REST)
            walls["gateway"].append(_of_gateway(user, gateway, whom))
            env.wait_ended()
    sample: dict[str, float] = {}
    for name, found in walls.items():
        cuts = quantiles(found, n=20)
        sample |= {f"{name}_p50": cuts[9], f"{name}_p95": cuts[18]}
    return sample | {f"stage_{stage}": median(found) for stage, found in stages.items()}


def _of_bare(port: int) -> float:
    """Call the agent itself, over a connection that is made for it, as the host makes one."""
    with _connection(port) as connection:
        began = time.perf_counter()
        connection.request("POST", "/", json.dumps(MESSAGE), {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read1(1)
        took = (time.perf_counter() - began) * 1000
        response.read()
        return took


def _of_post(user: http.client.HTTPConnection, whom: Asked) -> tuple[float, float, str, float]:
    """Return the milliseconds to the first text, when it was asked for, the run, and when the text came."""
    at, began = time.time(), time.perf_counter()
    response = _send(user, "POST", f"/v1/instances/{whom.id}/messages", whom, Accept="text/event-stream")
    run_id = str(response.headers["Location"]).rpartition("/")[2]
    _wait_text(response, run_id)
    took, text_at = (time.perf_counter() - began) * 1000, time.time()
    response.read()
    return took, at, run_id, text_at


def _of_gateway(user: http.client.HTTPConnection, gateway: http.client.HTTPConnection, whom: Asked) -> float:
    began = time.perf_counter()
    run_id = json.loads(_send(user, "POST", f"/v1/instances/{whom.id}/messages", whom).read())["id"]
    response = _send(gateway, "GET", f"/v1/runs/{run_id}/stream", whom)
    _wait_text(response, run_id)
    took = (time.perf_counter() - began) * 1000
    response.read()
    return took


def _stages(env: RunsEnvironment, stages: dict[str, list[float]], began: float, run_id: str, text_at: float) -> None:
    """Add what each stage of a run took, in milliseconds, by the clock that all of them share."""
    env.wait_ended()
    [[accepted]] = env.run("select created_at from runs where id = :id", id=run_id)
    [[written, text]] = env.run(
        "select at, data->>'text' from run_events where run_id = :id and type = 'text' order by sequence limit 1",
        id=run_id,
    )
    assert isinstance(accepted, datetime)
    assert isinstance(written, datetime)
    times = [began, accepted.timestamp(), float(str(text).split()[0]), written.timestamp(), text_at]
    for stage, before, after in zip(STAGES, times, times[1:], strict=False):
        stages[stage].append((after - before) * 1000)


def _wait_text(response: http.client.HTTPResponse, run_id: str) -> None:
    """Read a stream until the run says something. Raises RuntimeError if it never does."""
    if not any(frame.get("event") == "text" for frame in frames(response.read1)):
        message = f"{run_id} has no text"
        raise RuntimeError(message)


def _send(
    connection: http.client.HTTPConnection, method: str, path: str, whom: Asked, **headers: str
) -> http.client.HTTPResponse:
    sent = {"Authorization": f"Bearer {whom.token}", "Content-Type": "application/json", **headers}
    connection.request(method, path, json.dumps(MESSAGE) if method == "POST" else None, sent)
    response = connection.getresponse()
    if response.status >= HTTPStatus.BAD_REQUEST or response.status == HTTPStatus.NO_CONTENT:
        message = f"{path} was answered {response.status}: {response.read().decode()}"
        raise RuntimeError(message)
    return response


@contextmanager
def _connection(port: int) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=60)) as connection:
        connection.connect()
        yield connection


@contextmanager
def _bare() -> Iterator[int]:
    """Run a bare functions-framework process with the agent, and yield its port."""
    source = str(Path(agent.__file__))
    command = [sys.executable, "-m", "functions_framework", "--target", "agent", "--source", source, "--port"]
    with running(command, dict(os.environ), "/_ready") as (port, _):
        yield port
