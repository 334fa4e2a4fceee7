"""When a schedule is due: a cron expression in an IANA time zone, as Debian's cron understands both.

`17 3 * * *` in Europe/Berlin is once a day all year. What falls into the hour that is skipped in spring comes right
after it; what falls into the hour that comes twice in autumn comes once. An expression whose minute or hour starts with
a star goes by the clock on the wall instead: every five minutes is every five minutes through both.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_BACK: Final = tuple(timedelta(days=days) for days in (0.1, 8, 400, 366 * 9))
"""How far to look back for the slot before now: little for what is often due, nine years for a 29th of February."""


class NotAScheduleError(ValueError):
    """The expression or the time zone can't be understood; the message says which."""


@dataclass(frozen=True)
class Schedule:
    """A schedule of one subscriber."""

    name: str
    event_type: str
    expression: str
    """Minute, hour, day of the month, month, day of the week."""
    timezone: str

    def around(self, now: datetime) -> tuple[datetime | None, datetime]:
        """Return the slots before (or at) and after `now`, in UTC; None if there was none in nine years.

        Raises `NotAScheduleError`.
        """
        try:
            for back in _BACK:
                # Forwards in both cases: so the slots are the same whoever counts them, and from when.
                slots = CronSim(self.expression, (now - back).astimezone(ZoneInfo(self.timezone)))
                before, after = None, next(slots).astimezone(UTC)
                while after <= now:
                    before, after = after, next(slots).astimezone(UTC)
                if before is not None:
                    break
        except (CronSimError, StopIteration, ZoneInfoNotFoundError, ValueError) as error:
            raise NotAScheduleError(
                f"{self.name} has the schedule {self.expression!r} in {self.timezone!r}, which can't be: {error!r}"
            ) from error
        return before, after
