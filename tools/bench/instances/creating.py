"""From the request for an instance until it is running, in turns with the start of a bare functions-framework."""

import time
from statistics import quantiles
from typing import Final

from core.ids import new_id
from tools.bench.instances import sandbox
from tools.bench.instances.environment import InstancesEnvironment, created

TURNS: Final = 15


def once(env: InstancesEnvironment, size: float) -> dict[str, float]:
    """Return the milliseconds of either."""
    walls: dict[str, list[float]] = {"created": [], "started": []}
    with sandbox.bare() as start:
        # The host's first one puts the code in place.
        created(env, new_id("usr"))
        for _ in range(max(2, int(TURNS * size))):
            walls["started"].append(start().wall)
            owner = new_id("usr")
            began = time.perf_counter()
            created(env, owner)
            walls["created"].append((time.perf_counter() - began) * 1000)
    cuts = {name: quantiles(found, n=20) for name, found in walls.items()}
    return {f"{name}_p{50 if place == 9 else 95}": each[place] for name, each in cuts.items() for place in (9, 18)}
