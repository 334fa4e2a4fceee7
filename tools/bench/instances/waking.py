"""Messages through the product: to agents that sleep, one by one and many at a time, and to one that is awake."""

import http.client
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http import HTTPStatus
from statistics import median, quantiles
from typing import Final

from provisioning.local_settings import LOOPBACK
from tools.bench.instances import filling, sandbox
from tools.bench.instances.environment import InstancesEnvironment
from tools.bench.instances.sandbox import Wake

TURNS: Final = 25
"""Starts of the bare process, between which all others are spread."""

EACH: Final = 4
"""Agents that are woken in a turn."""

MESSAGES: Final = 200

AT_ONCE: Final = 8

BODY: Final = b'{"text": "Hello"}'

WAY: Final = ("host", "agent-host", "shared_psql")
"""The processes that a message goes through."""


def once(env: InstancesEnvironment, size: float) -> dict[str, float]:
    """Return the milliseconds to the first byte of a sleeping agent's answer, and of a bare process'."""
    asleep = _asleep(env)
    walls = {"wake": list[float]()}
    spent = 0.0
    woken: dict[str, list[Wake]] = {}
    with sandbox.cases() as cases, _connection(env) as connection:
        # The host's first one puts the code in place.
        _say(connection, *next(asleep))
        for _ in range(max(2, int(TURNS * size))):
            for name, case in cases.items():
                woken.setdefault(name, []).append(case())
            before = env.spent(*WAY)
            walls["wake"] += [_say(connection, *next(asleep)) for _ in range(EACH)]
            spent += env.spent(*WAY) - before
    sample = {"wake_processor": spent / len(walls["wake"]) * 1000}
    for name, wakes in woken.items():
        walls[name] = [each.wall for each in wakes]
        sample[f"{name}_processor"] = median(each.processor for each in wakes)
        sample[f"{name}_memory"] = median(each.memory for each in wakes)
    for name, found in walls.items():
        cuts = quantiles(found, n=20)
        sample |= {f"{name}_p50": cuts[9], f"{name}_p95": cuts[18], f"{name}_min": min(found)}
    return sample


def awake(env: InstancesEnvironment, size: float) -> dict[str, float]:
    """Return the milliseconds to the first byte of an agent's answer that is awake."""
    instance = next(_asleep(env))
    with _connection(env) as connection:
        for _ in range(5):
            _say(connection, *instance)
        before = env.spent(*WAY)
        found = [_say(connection, *instance) for _ in range(max(20, int(MESSAGES * size)))]
        spent = env.spent(*WAY) - before
    cuts = quantiles(found, n=20)
    return {"awake_p50": cuts[9], "awake_p95": cuts[18], "awake_processor": spent / len(found) * 1000}


def rate(env: InstancesEnvironment, size: float) -> dict[str, float]:
    """Return how many sleeping agents a second are woken and answer, for several who ask at a time."""
    count = max(2 * AT_ONCE, int(MESSAGES * size))
    instances = list(itertools.islice(_asleep(env), count))

    def each(part: list[tuple[str, str]]) -> None:
        with _connection(env) as connection:
            for instance in part:
                _say(connection, *instance)

    each(instances[:1])
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(each, (instances[place + 1 :: AT_ONCE] for place in range(AT_ONCE))))
    return {"wakes_a_second": (count - 1) / (time.perf_counter() - began)}


def _asleep(env: InstancesEnvironment) -> Iterator[tuple[str, str]]:
    """Yield instances that run and sleep, from somewhere in the middle, each with a token of its owner."""
    found = env.run(
        "select id, owner_id from instances where id > :after and status = 'running' and owner_id <> :mine"
        " and agent_id = (select id from agents where slug = 'echo') order by id limit 1000",
        after=filling.instance_id(env.count // 2),
        mine=filling.MINE,
    )
    for instance_id, owner in found:
        yield instance_id, env.token(owner)


@contextmanager
def _connection(env: InstancesEnvironment) -> Iterator[http.client.HTTPConnection]:
    """Yield a connection to the user API that is kept."""
    with closing(http.client.HTTPConnection(LOOPBACK, env.ports.user, timeout=60)) as connection:
        connection.connect()
        yield connection


def _say(connection: http.client.HTTPConnection, instance_id: str, token: str) -> float:
    """Send a message, and return the milliseconds until its run has ended."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Prefer": "wait=30"}
    began = time.perf_counter()
    connection.request("POST", f"/v1/instances/{instance_id}/messages", BODY, headers)
    response = connection.getresponse()
    took = (time.perf_counter() - began) * 1000
    answer = response.read()
    if response.status != HTTPStatus.OK:
        message = f"{instance_id} was answered {response.status}: {answer.decode()}"
        raise RuntimeError(message)
    return took
