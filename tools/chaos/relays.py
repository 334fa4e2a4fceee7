"""Faults of the relays themselves."""

import random
import signal
import time
from typing import Final

from tools.chaos.field import BrokenError, Field
from tools.chaos.load import Pace, until
from tools.harness.scrape import Watch


def kill(field: Field, times: int) -> None:
    """Kill the active relay at any moment; others stand by, and one takes the dead one's place."""
    with field.pressure():
        field.start("relay-3")
        for _ in field.rounds(times):
            name = field.active()
            time.sleep(random.uniform(0, 0.5))
            field.send(name, signal.SIGKILL)
            field.recovered()
            field.start(name)


PLACES: Final = ("lease", "read", "publish", "confirm", "save", "saved", "park")


def kill_in_places(field: Field, times: int) -> None:
    """Let one relay after another die in a place of its work, with another that stands by."""
    with field.pressure(relays=False):
        field.stand_by("relay-1")
        for number in field.rounds(times):
            place = PLACES[number % len(PLACES)]
            nth = 1 if place in {"lease", "park"} else random.randrange(1, 300 if place in _COUNTED else 10)
            victim = field.stand_by("victim", BOTBERI_FAILPOINT=f"relay.{place}:{nth}")
            if place == "park":
                field.path.query("select emit_event('com.botberi.thing.unheard_of.v1', 'agt_unheard_of', '{}')")
            field.send("relay-1", signal.SIGTERM)
            field.start("relay-1")
            until(lambda each=victim: not each.alive, 60, f"the relay did not die at {place}")  # type: ignore[misc]  # bound now
            del field.path.processes["victim"]
            field.recovered()


_COUNTED: Final = {"publish", "confirm"}
"""Places that are passed with every event, or nearly."""


def freeze(field: Field, times: int) -> None:
    """Stop the active relay until another has taken over, then let it go on."""
    with field.pressure():
        for _ in field.rounds(times):
            name = field.active()
            field.send(name, signal.SIGSTOP)
            field.recovered()
            field.send(name, signal.SIGCONT)
            time.sleep(1)


KINDLY: Final = 5
"""Seconds that a relay may take to end when it is asked to."""


def roll(field: Field, times: int) -> None:
    """Stop the active relay kindly, and start it again."""
    with field.pressure():
        longest = 0.0
        for _ in field.rounds(times):
            time.sleep(random.uniform(0, 0.5))
            name, asked = field.active(), time.monotonic()
            field.send(name, signal.SIGTERM)
            longest = max(longest, time.monotonic() - asked)
            field.recovered()
            field.start(name)
        field.note = f"each ended within {longest:.1f} s"
        if longest > KINDLY:
            raise BrokenError(field.note)


def nap(field: Field, times: int) -> None:
    """Let the relay fall asleep and wake it with one event, again and again."""
    watch = Watch.on_a_free_port()
    with field.pressure(relays=False, pace=Pace(threads=0)):
        field.start("relay-1", RELAY_PROBE_SECONDS="0", RELAY_LINGER_SECONDS="0.01", **watch.settings)
        field.active()
        for _ in field.rounds(times):
            until(field.path.awake_lock_is_free, 30, "the relay doesn't fall asleep")
            time.sleep(random.uniform(0, 0.01))
            field.recovered()
        bells = watch.value("botberi_relay_wakeups_total", kind="notification")
        missed = watch.value("botberi_relay_found_by_fallback_total")
        field.note = f"{bells:,.0f} times woken by a notification, {missed:.0f} events first found by the fallback"
        if missed:
            raise BrokenError(field.note)
