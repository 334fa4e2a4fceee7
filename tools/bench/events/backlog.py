"""The relay's memory while it drains a million events that have piled up."""

import time

from tools.harness.ground import Ground, high_water

_CHUNK = 50_000


def once(ground: Ground, size: float) -> dict[str, float]:
    """Return the most memory in MB, and the events a second."""
    count = int(1_000_000 * size)
    for _ in range(max(1, count // _CHUNK)):
        ground.emit(min(count, _CHUNK))
    relay = ground.start_relay()
    started = time.monotonic()
    while ground.waiting():
        # Or the broker's disk would be what is measured.
        ground.purge()
        time.sleep(0.5)
    took = time.monotonic() - started
    memory = high_water(relay)
    ground.stop("relay")
    ground.purge()
    return {"backlog_memory": memory, "backlog_rate": count / took}
