"""Faults of the relays themselves."""

import random
import signal
import time
from typing import Final

from tools.chaos.environment import BrokenError, ChaosEnvironment
from tools.chaos.load import Pace
from tools.harness.environment import wait
from tools.harness.scrape import Watch


def kill(env: ChaosEnvironment, times: int) -> None:
    """Kill the active relay at any moment; others stand by, and one takes the dead one's place."""
    with env.pressure():
        env.start("relay-3")
        for _ in env.rounds(times):
            name = env.active()
            time.sleep(random.uniform(0, 0.5))
            env.send(name, signal.SIGKILL)
            env.recovered()
            env.start(name)


PLACES: Final = ("lease", "read", "publish", "confirm", "save", "saved", "park")


def kill_in_places(env: ChaosEnvironment, times: int) -> None:
    """Let one relay after another die in a place of its work, with another that stands by."""
    with env.pressure(relays=False):
        env.stand_by("relay-1")
        for number in env.rounds(times):
            place = PLACES[number % len(PLACES)]
            nth = 1 if place in {"lease", "park"} else random.randrange(1, 300 if place in _COUNTED else 10)
            victim = env.stand_by("victim", BOTBERI_FAILPOINT=f"relay.{place}:{nth}")
            if place == "park":
                env.path.query("select emit_event('com.botberi.thing.unheard_of.v1', 'agt_unheard_of', '{}')")
            env.send("relay-1", signal.SIGTERM)
            env.start("relay-1")
            wait(lambda each=victim: not each.alive, 60, f"the relay did not die at {place}")  # type: ignore[misc]  # bound now
            del env.path.processes["victim"]
            env.recovered()


_COUNTED: Final = {"publish", "confirm"}
"""Places that are passed with every event, or nearly."""


def freeze(env: ChaosEnvironment, times: int) -> None:
    """Stop the active relay until another has taken over, then let it go on."""
    with env.pressure():
        for _ in env.rounds(times):
            name = env.active()
            env.send(name, signal.SIGSTOP)
            env.recovered()
            env.send(name, signal.SIGCONT)
            time.sleep(1)


KINDLY: Final = 5
"""Seconds that a relay may take to end when it is asked to."""


def roll(env: ChaosEnvironment, times: int) -> None:
    """Stop the active relay kindly, and start it again."""
    with env.pressure():
        longest = 0.0
        for _ in env.rounds(times):
            time.sleep(random.uniform(0, 0.5))
            name, asked = env.active(), time.monotonic()
            env.send(name, signal.SIGTERM)
            longest = max(longest, time.monotonic() - asked)
            env.recovered()
            env.start(name)
        env.note = f"each ended within {longest:.1f} s"
        if longest > KINDLY:
            raise BrokenError(env.note)


def nap(env: ChaosEnvironment, times: int) -> None:
    """Let the relay fall asleep and wake it with one event, again and again."""
    watch = Watch.on_a_free_port()
    with env.pressure(relays=False, pace=Pace(threads=0)):
        env.start("relay-1", RELAY_PROBE_SECONDS="0", RELAY_LINGER_SECONDS="0.01", **watch.settings)
        env.active()
        for _ in env.rounds(times):
            wait(env.path.awake_lock_is_free, 30, "the relay doesn't fall asleep")
            time.sleep(random.uniform(0, 0.01))
            env.recovered()
        notifications = watch.value("botberi_relay_wakeups_total", kind="notification")
        missed = watch.value("botberi_relay_found_by_fallback_total")
        env.note = (
            f"{notifications:,.0f} times woken by a notification, {missed:.0f} events first found by the fallback"
        )
        if missed:
            raise BrokenError(env.note)
