"""From killing the active relay to the next event in the queue, with another that stands by."""

import os
import signal
import time
from typing import Final

from tools.harness.environment import BenchEnvironment, wait
from tools.local.servers.managed_process import ManagedProcess

KILLS: Final = 10


def once(env: BenchEnvironment, size: float) -> dict[str, list[float]]:
    """Return the seconds of each takeover."""
    relays = {name: env.start_relay(name) for name in ("relay-1", "relay-2")}
    took = []
    for _ in range(max(2, int(KILLS * size))):
        name, active = _active(env, relays)
        killed = time.monotonic()
        os.kill(active.process.pid, signal.SIGKILL)
        active.process.wait()
        before = env.depth()
        env.emit(1)
        wait(lambda depth=before: env.depth() > depth, 30, "nobody took over")  # type: ignore[misc]  # bound now
        took.append(time.monotonic() - killed)
        relays[name] = env.start_relay(name)
    for name in relays:
        env.stop(name)
    env.purge()
    return {"takeover": took}


def _active(env: BenchEnvironment, relays: dict[str, ManagedProcess]) -> tuple[str, ManagedProcess]:
    [[holder]] = env.run("select holder from relay_cursor")
    return next((name, each) for name, each in relays.items() if holder.endswith(f"/{each.process.pid}"))
