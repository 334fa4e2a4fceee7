"""The plan of the faults: who is killed when, and for how long, drawn from a seed."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

SERVICES: Final = ("event_bus", "user_redis", "shared_psql", "user_psql")

_TWO: Final = 0.25
"""How many faults hit two at once."""

_AGAIN: Final = 0.2
"""How many hit again what has just been started, which may not be up yet."""


@dataclass(frozen=True)
class Fault:
    """A kill."""

    victims: tuple[str, ...]
    after: int
    """Requests of users that are served between the fault before and this one."""
    delay: float
    """Seconds that it waits then."""
    away: float
    """Seconds until the victims are started again."""
    again: float | None = None
    """Seconds after which they are killed once more; None for not at all."""


def planned(seed: int, faults: int, requests: int, weights: Mapping[str, int], last: tuple[str, ...]) -> list[Fault]:
    """Return so many faults, spread over so many requests; the last comes when everybody has asked for everything.

    `weights` say who is killed, and how often beside the others; the last one hits those of `last`.
    """
    chance = random.Random(seed)
    victims = _victims(chance, weights)
    usual = requests / max(1, faults)
    return [
        *(_fault(chance, victims, round(chance.uniform(0.5, 1.5) * usual)) for _ in range(faults - 1)),
        Fault(last, 0, 0.0, 1.0),
    ]


def _victims(chance: random.Random, weights: Mapping[str, int]) -> Iterator[str]:
    """Yield each as often as its weight says before any comes more often, and each once before any comes twice."""
    while True:
        again = [name for name, weight in weights.items() for _ in range(weight - 1)]
        yield from chance.sample(list(weights), len(weights))
        yield from chance.sample(again, len(again))


def _fault(chance: random.Random, victims: Iterator[str], after: int) -> Fault:
    count = 2 if chance.random() < _TWO else 1
    chosen = tuple(dict.fromkeys(next(victims) for _ in range(count)))
    again = chance.uniform(0, 3) if chance.random() < _AGAIN else None
    return Fault(chosen, after, chance.uniform(0, 1), chance.uniform(0, 3), again)
