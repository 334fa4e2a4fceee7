"""Asleep and awake: whoever writes while the relay sleeps notifies it, and nothing has to wait for the fallback."""

from collections.abc import Callable
from typing import Any

from tools.harness.path import RECEIVE_ALL, EventPath
from tools.harness.scrape import Watch

Eventually = Callable[..., Any]


def test_whoever_wakes_the_relay_notifies_it(quiet_path: EventPath, eventually: Eventually) -> None:
    watch = Watch.on_a_free_port()
    quiet_path.start("relay", RELAY_PROBE_SECONDS="0", RELAY_LINGER_SECONDS="0.01", **watch.settings)
    for number in range(1, 51):
        eventually(quiet_path.awake_lock_is_free)
        quiet_path.emit("agt_1")
        eventually(lambda number=number: quiet_path.depth(RECEIVE_ALL.queue) == number)
    assert watch.value("botberi_relay_found_by_fallback_total") == 0
    assert watch.value("botberi_relay_wakeups_total", kind="notification") > 0
