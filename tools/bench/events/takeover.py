"""From killing the active relay to the next event in the queue, with another that stands by."""

import os
import signal
import time
from typing import Final

from tools.harness.ground import Ground, wait
from tools.local.servers.private_process import PrivateProcess

KILLS: Final = 10


def once(ground: Ground, size: float) -> dict[str, list[float]]:
    """Return the seconds of each takeover."""
    relays = {name: ground.start_relay(name) for name in ("relay-1", "relay-2")}
    took = []
    for _ in range(max(2, int(KILLS * size))):
        name, active = _active(ground, relays)
        killed = time.monotonic()
        os.kill(active.process.pid, signal.SIGKILL)
        active.process.wait()
        before = ground.depth()
        ground.emit(1)
        wait(lambda depth=before: ground.depth() > depth, 30, "nobody took over")  # type: ignore[misc]  # bound now
        took.append(time.monotonic() - killed)
        relays[name] = ground.start_relay(name)
    for name in relays:
        ground.stop(name)
    ground.purge()
    return {"takeover": took}


def _active(ground: Ground, relays: dict[str, PrivateProcess]) -> tuple[str, PrivateProcess]:
    [[holder]] = ground.run("select holder from relay_cursor")
    return next((name, each) for name, each in relays.items() if holder.endswith(f"/{each.process.pid}"))
