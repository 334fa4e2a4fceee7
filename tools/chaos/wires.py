"""Faults of the network between the active relay and its services."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tools.chaos import network
from tools.chaos.field import Field
from tools.chaos.load import until


@contextmanager
def _in_network(field: Field) -> Iterator[network.Network]:
    """Make a relay active that lives in a network of its own, with another standing by outside."""
    ports = (field.ground.ports.shared_psql, field.ground.ports.event_bus)
    with network.made(*ports) as made, field.pressure(relays=False):
        field.start("inside", network.inside(), **made.settings(field.path.environment))
        until(lambda: field.active() == "inside", 60, "the relay in the namespace isn't active")
        field.stand_by("outside")
        yield made


def _back_inside(field: Field) -> None:
    """Let the relay in the namespace be active again."""
    time.sleep(random.uniform(0, 1))
    field.send("outside", signal.SIGTERM)
    until(lambda: field.active() == "inside", 60, "the relay in the namespace isn't active again")
    field.stand_by("outside")


def lose(chain: str, *match: str) -> Callable[[Field, int], None]:
    """Return the fault that packets of the active relay are dropped: all of a direction, or those that match."""

    def happen(field: Field, times: int) -> None:
        with _in_network(field) as made:
            for _ in field.rounds(times):
                with made.rule(chain, *match):
                    field.recovered()
                _back_inside(field)

    return happen


def cut_off(service: str) -> Callable[[Field, int], None]:
    """Return the fault that the active relay and `service`, shared_psql or event_bus, receive nothing of each other."""

    def happen(field: Field, times: int) -> None:
        port = str(getattr(field.ground.ports, service))
        with _in_network(field) as made:
            for _ in field.rounds(times):
                with ExitStack() as rules:
                    rules.enter_context(made.rule("INPUT", "-p", "tcp", "--sport", port))
                    rules.enter_context(made.rule("OUTPUT", "-p", "tcp", "--dport", port))
                    field.recovered()
                _back_inside(field)

    return happen


def slow(field: Field, times: int) -> None:
    """Let every byte between the active relay and its services take 200 ms."""
    with _in_network(field) as made, made.slow(0.2):
        for _ in field.rounds(times):
            field.recovered()
