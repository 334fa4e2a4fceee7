"""The relay's memory while it drains a million events that have piled up."""

import time

from tools.harness.environment import BenchEnvironment, high_water

_CHUNK = 50_000


def once(env: BenchEnvironment, size: float) -> dict[str, float]:
    """Return the most memory in MB, and the events a second."""
    count = int(1_000_000 * size)
    for _ in range(max(1, count // _CHUNK)):
        env.emit(min(count, _CHUNK))
    relay = env.start_relay()
    started = time.monotonic()
    while env.waiting():
        # Or the broker's disk would be what is measured.
        env.purge()
        time.sleep(0.5)
    took = time.monotonic() - started
    memory = high_water(relay)
    env.stop("relay")
    env.purge()
    return {"backlog_memory": memory, "backlog_rate": count / took}
