"""The events of runs, for those who read them as they come: hints by Redis merged with what Postgres has.

The truth is Postgres: numbered from 1, without gaps. A hint brings the next events sooner; where it leaves some out, or
never comes, they are read.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final, Protocol

from core.postgres.session import Session
from functions.services.realtime.feeds import MOST_BYTES, Kind, Place
from shared_psql_models.runs import ENDED, EventType

SWEEP_SECONDS: Final = 1
"""How often all runs that are read are asked for, whatever hints came: how late an event is at most without them."""

PAGE: Final = 200
"""Events of one run that are read at a time."""

# What is beyond the limit of bytes comes as a number without its data: it is asked for again.
_READ: Final = """
with place (run_id, after, at) as (
  select * from unnest(cast(:runs as text[]), cast(:afters as bigint[])) with ordinality
) select place.at, run.owner_id, run.status, coalesce(run.last_sequence, 0), found.sequence, found.at, found.type,
    case when sum(octet_length(found.data)) over up_to_here <= :bytes or row_number() over up_to_here = 1
      then found.data end
  from place
  left join runs as run on run.id = place.run_id
  left join lateral (
    select sequence, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, type, data::text as data
    from run_events as kept
    where kept.run_id = place.run_id and kept.sequence > place.after and run.last_sequence > place.after
    order by sequence limit :page
  ) as found on true
  window up_to_here as (order by place.at, found.sequence)
  order by place.at, found.sequence
"""


@dataclass(frozen=True, slots=True)
class RunEvent:
    """An event of a run."""

    sequence: int
    at: str
    """As RFC 3339 writes it, in UTC."""
    type: str
    data: str
    """An object as JSON, in one line."""
    ends: bool
    """Whether it is known to be the last one."""


@dataclass(slots=True)
class RunNews:
    """What follows a place in a run."""

    owner_id: str | None
    """Whose run it is; None if there is none."""
    ended: bool
    """Whether nothing follows `last` any more."""
    last: int
    """The number of the run's last event."""
    events: list[RunEvent] = field(default_factory=list)
    """The next ones, from the lowest on, as many as are read at a time."""
    whole: bool = True
    """Whether no event that was found had to be left out for its size."""


def read(session: Session, places: Sequence[Place]) -> dict[Place, RunNews]:
    """Return what follows each place, a run and a number."""
    runs, afters = [run for run, _ in places], [after for _, after in places]
    rows = session.run(_READ, runs=runs, afters=afters, page=PAGE, bytes=MOST_BYTES)
    found: dict[Place, RunNews] = {}
    for at, owner_id, status, last, *event in rows:
        news = found.setdefault(places[at - 1], RunNews(owner_id, status is None or status in ENDED, last))
        news.events.extend(_kept(*event))
        news.whole = news.whole and (event[0] is None or event[-1] is not None)
    return found


def _kept(sequence: int | None, at: str, event_type: str, data: str | None) -> Iterator[RunEvent]:
    if sequence is not None and data is not None:
        yield RunEvent(sequence, at, event_type, data, ends=False)


KIND: Final = Kind("run-events", read, SWEEP_SECONDS)


def hinted(hint: Mapping[str, object]) -> RunEvent:
    """Return the event that a hint tells. Raises KeyError, TypeError and ValueError if it is none."""
    at = datetime.fromisoformat(str(hint["at"])).astimezone(UTC)
    data, sequence = hint["data"], hint["sequence"]
    if not isinstance(data, dict) or not isinstance(sequence, int):
        message = "an event has a number, and an object for its data"
        raise TypeError(message)
    event_type = str(hint["type"])
    ends = event_type == EventType.STATUS and data.get("status") in ENDED
    text = json.dumps(data, ensure_ascii=False)
    return RunEvent(sequence, f"{at:%Y-%m-%dT%H:%M:%S.%f}Z", event_type, text, ends)


class Ending(Enum):
    """Why nothing more comes of a run."""

    ENDED = "ended"
    """It has ended, and its last event was sent."""
    NOT_FOUND = "run_not_found"
    """There is no such run, or it is somebody else's."""


class Sink(Protocol):
    """Where the events of a run go."""

    def has_room(self) -> bool:
        """Return whether another event is taken at present; if not, the run is to be wanted when one is."""

    def begin(self) -> None:
        """Know that the run is there, and that events follow."""

    def bring(self, event: RunEvent) -> None:
        """Take the next event; never waits."""

    def finish(self, ending: Ending) -> None:
        """Know that nothing follows."""


class RunReader:
    """Somebody who reads a run, from after a number on: each event once, in their order."""

    def __init__(self, run_id: str, account_id: str, after: int, sink: Sink) -> None:
        """Bring the events to `sink`, if the run is the account's."""
        self.run_id = run_id
        self.sequence = after
        """The number of the last event that was brought."""
        self._account_id = account_id
        self._sink = sink
        self._begun = False
        self._ended = False

    @property
    def place(self) -> int | None:
        """The number after which to go on; None while there is no room, or at the end."""
        return None if self._ended or not self._sink.has_room() else self.sequence

    def follow(self, news: RunNews) -> bool:
        """Take what Postgres has, and return whether there may be more to take at once."""
        if news.owner_id != self._account_id:
            self._end(Ending.NOT_FOUND)
        elif self._may_begin(news):
            for event in news.events:
                if self.place is None:
                    return False
                self._bring(event)
            # Events may be forgotten before their run is.
            if news.ended and (self.sequence >= news.last or (news.whole and not news.events)):
                self._end(Ending.ENDED)
        return not self._ended and self.sequence < news.last

    def _may_begin(self, news: RunNews) -> bool:
        if not self._begun and news.ended and self.sequence >= news.last:
            self._end(Ending.ENDED)
            return False
        if not self._begun:
            self._begun = True
            self._sink.begin()
        return True

    def hear(self, events: Sequence[RunEvent]) -> bool:
        """Take what a hint tells, and return whether Postgres has to be asked for what it leaves out."""
        for event in events:
            if not self._begun or self.place is None:
                # It is asked for anyway, at the beginning or when there is room.
                return False
            if event.sequence > self.sequence + 1:
                return True
            if event.sequence == self.sequence + 1:
                self._bring(event)
                if event.ends:
                    self._end(Ending.ENDED)
        return False

    def _bring(self, event: RunEvent) -> None:
        self.sequence = event.sequence
        self._sink.bring(event)

    def _end(self, ending: Ending) -> None:
        if not self._ended:
            self._ended = True
            self._sink.finish(ending)
