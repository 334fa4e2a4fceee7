"""What instances at rest take: memory of a host, room in the database, and the processor's time in a quiet minute."""

import time
from collections.abc import Mapping
from typing import Final

from tools.bench.instances.environment import InstancesEnvironment
from tools.bench.instances.filling import TABLES

SECONDS: Final = 60

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "worker": ("worker",),
    "functions": ("host", "subscribers"),
    "agent_host": ("agent-host",),
    "relays": ("relay-user", "relay-shared"),
    "postgres": ("user_psql", "shared_psql"),
}
"""The processes of each part that has to do with instances, by the name of its figure."""

OTHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "dispatcher": ("dispatcher",),
    "gateway": ("gateway",),
    "redis": ("user_redis",),
    "rabbitmq": ("event_bus",),
}
"""What has nothing to do with them, and costs something too."""


def once(env: InstancesEnvironment, size: float) -> dict[str, float]:
    """Return MB, bytes for each instance, and percent of a core."""
    assert env.with_few is not None
    few, many = env.with_few, env.at_rest()
    sample = {
        "memory_with_few": few.memory,
        "memory_with_many": many.memory,
        "more_processes": many.processes - few.processes,
    }
    [[count]] = env.run("select count(*) from instances")
    for table in TABLES:
        [[bytes_]] = env.run(f"select pg_total_relation_size('{table}')")
        sample[f"bytes_{table}"] = bytes_ / count
    return sample | _processor(env, max(5.0, SECONDS * size))


def _processor(env: InstancesEnvironment, seconds: float) -> dict[str, float]:
    """Return the percent of a core that each part takes."""
    parts = {**PARTS, **OTHERS}
    before = {name: env.spent(*names) for name, names in parts.items()}
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return {f"rest_{name}": (env.spent(*names) - before[name]) / took * 100 for name, names in parts.items()}
