"""Cron triggers: when a schedule is due its event is emitted, once for each slot whoever and however many look.

A slot and its event are one transaction in shared_psql; from there on it is an event like any other. What fell due
while nobody ran is made up for by one event, for the latest slot.
"""

import logging
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from core import failpoints
from core.postgres.session import Reconnecting
from events.schedules import Schedule
from events.subscriptions import Subscription

log = logging.getLogger(__name__)

DATABASE: Final = "shared_psql"

LONGEST: Final = 15.0
"""Seconds between two looks at the clock, at most: it may have been set."""

PAUSE: Final = 1.0
"""Seconds between two attempts while the database can't be reached or says that it is too early."""

_FIRE: Final = "select fire_schedule(:name, cast(:slot as timestamptz), :event_type)"


def schedules_of(wanted: Iterable[Subscription]) -> list[Schedule]:
    """Return the schedules of the subscriptions that have one."""
    return [Schedule(each.function, each.types[0], each.schedule, each.timezone) for each in wanted if each.schedule]


class Clock(threading.Thread):
    """Fires every schedule."""

    def __init__(self, schedules: list[Schedule], stopped: threading.Event) -> None:
        """Run until `stopped`. Raises `NotAScheduleError` if a schedule is none."""
        super().__init__(name="clock", daemon=True)
        self.schedules = schedules
        self.fired = 0
        """Slots that were this dispatcher's to fire."""
        self.stopped = stopped
        self._done: dict[str, datetime] = {}
        self._database = Reconnecting(DATABASE, "relay", name="botberi-clock")
        for schedule in schedules:
            schedule.around(datetime.now(UTC))

    def run(self) -> None:
        """Fire what is due, and wait for the next."""
        while not self.stopped.wait(self.look(datetime.now(UTC))):
            pass
        self.close()

    def look(self, now: datetime) -> float:
        """Fire what is due at `now`, and return the seconds until there is something to do again."""
        pause = LONGEST
        for schedule in self.schedules:
            before, after = schedule.around(now)
            pause = min(pause, (after - now).total_seconds())
            if before is not None and before != self._done.get(schedule.name) and not self._fire(schedule, before):
                pause = min(pause, PAUSE)
        return max(0.0, pause)

    def close(self) -> None:
        """Close the connection; the next slot opens another."""
        self._database.close()

    def _fire(self, schedule: Schedule, slot: datetime) -> bool:
        """Emit the event of a slot, unless that is done; False if it has to be tried again."""
        try:
            failpoints.reach("clock.fire")
            values = {"name": schedule.name, "slot": slot.isoformat(), "event_type": schedule.event_type}
            [[is_ours]] = self._database.open().run(_FIRE, **values)
            failpoints.reach("clock.fired")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            log.warning("%s can't be fired in %s: %s; trying again", schedule.name, DATABASE, error)
            self.close()
            return False
        if is_ours is None:
            log.warning("the clock of %s is behind this one's: %s waits for its slot", DATABASE, schedule.name)
            return False
        self._done[schedule.name] = slot
        if is_ours:
            self.fired += 1
            log.info("%s is due: %s", schedule.name, slot.isoformat())
        return True
