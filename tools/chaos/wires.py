"""Faults of the network between the active relay and its services."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tools.chaos import network
from tools.chaos.environment import ChaosEnvironment
from tools.harness.environment import wait


@contextmanager
def _in_network(env: ChaosEnvironment) -> Iterator[network.Network]:
    """Make a relay active that lives in a network of its own, with another standing by outside."""
    ports = (env.servers.ports.shared_psql, env.servers.ports.event_bus)
    with network.made(*ports) as made, env.pressure(relays=False):
        env.start("inside", network.inside(), **made.settings(env.path.environment))
        wait(lambda: env.active() == "inside", 60, "the relay in the namespace isn't active")
        env.stand_by("outside")
        yield made


def _back_inside(env: ChaosEnvironment) -> None:
    """Let the relay in the namespace be active again."""
    time.sleep(random.uniform(0, 1))
    env.send("outside", signal.SIGTERM)
    wait(lambda: env.active() == "inside", 60, "the relay in the namespace isn't active again")
    env.stand_by("outside")


def lose(chain: str, *match: str) -> Callable[[ChaosEnvironment, int], None]:
    """Return the fault that packets of the active relay are dropped: all of a direction, or those that match."""

    def happen(env: ChaosEnvironment, times: int) -> None:
        with _in_network(env) as made:
            for _ in env.rounds(times):
                with made.rule(chain, *match):
                    env.recovered()
                _back_inside(env)

    return happen


def cut_off(service: str) -> Callable[[ChaosEnvironment, int], None]:
    """Return the fault that the active relay and `service`, shared_psql or event_bus, receive nothing of each other."""

    def happen(env: ChaosEnvironment, times: int) -> None:
        port = str(getattr(env.servers.ports, service))
        with _in_network(env) as made:
            for _ in env.rounds(times):
                with ExitStack() as rules:
                    rules.enter_context(made.rule("INPUT", "-p", "tcp", "--sport", port))
                    rules.enter_context(made.rule("OUTPUT", "-p", "tcp", "--dport", port))
                    env.recovered()
                _back_inside(env)

    return happen


def slow(env: ChaosEnvironment, times: int) -> None:
    """Let every byte between the active relay and its services take 200 ms."""
    with _in_network(env) as made, made.slow(0.2):
        for _ in env.rounds(times):
            env.recovered()
