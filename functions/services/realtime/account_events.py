"""The events of accounts: how they are read from shared_psql, and the messages that bring them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.postgres.session import Session
from functions.domain.account_events import CHANNEL
from functions.services.realtime.feeds import MOST_BYTES, Kind, Place

SWEEP_SECONDS: Final = 5
"""How often everybody's events are asked for, though Postgres has said nothing."""

PAGE: Final = 64
"""Events of one account that are read at a time."""

AT_THE_END: Final = -1
"""The place after the last event, whichever it is."""

# What is beyond the limit of bytes comes as a number without its event: it is asked for again.
_READ: Final = """
with place (owner_id, after, at) as (
  select * from unnest(cast(:owners as text[]), cast(:afters as bigint[])) with ordinality
) select place.at, coalesce(feed.sequence, 0), found.sequence, found.type, found.subject,
    case when sum(octet_length(found.event)) over up_to_here <= :bytes or row_number() over up_to_here = 1
      then found.event end
  from place
  left join account_feeds as feed on feed.owner_id = place.owner_id
  left join lateral (
    select sequence, type, subject, event from account_events as kept
    where kept.owner_id = place.owner_id and kept.sequence > place.after
      and place.after >= 0 and place.after < feed.sequence
    order by sequence limit :page
  ) as found on true
  where place.after <> coalesce(feed.sequence, 0)
  window up_to_here as (order by place.at, found.sequence)
  order by place.at, found.sequence
"""


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event under its number, as it is sent."""

    sequence: int
    type: str
    subject: str
    body: bytes
    """The message that holds it."""


@dataclass(slots=True)
class News:
    """What follows a place."""

    head: int
    """The number of the account's last event; 0 if it has none."""
    events: list[Numbered] = field(default_factory=list)
    """The next ones, from the lowest on: those that there still are, and as many as are read at a time."""
    whole: bool = True
    """Whether no event that was found had to be left out for its size."""


def read(session: Session, places: Sequence[Place]) -> dict[Place, News]:
    """Return what follows each place, an account and a number, if anything does."""
    owners, afters = [owner for owner, _ in places], [after for _, after in places]
    rows = session.run(_READ, owners=owners, afters=afters, page=PAGE, bytes=MOST_BYTES)
    found: dict[Place, News] = {}
    for at, head, *event in rows:
        news = found.setdefault(places[at - 1], News(head))
        news.events.extend(_numbered(*event))
        news.whole = news.whole and (event[0] is None or event[-1] is not None)
    return found


def _numbered(sequence: int | None, event_type: str, subject: str, event: str | None) -> Iterator[Numbered]:
    if sequence is not None and event is not None:
        yield Numbered(sequence, event_type, subject, framed(sequence, event.encode()))


def framed(sequence: int | None, event: bytes) -> bytes:
    """Return the message that brings a CloudEvent in structured JSON; one of somebody else has no number."""
    number = b"null" if sequence is None else b"%d" % sequence
    return b'{"event":{"sequence":%b,"cloudevent":%b}}' % (number, event)


KIND: Final = Kind("account-events", read, SWEEP_SECONDS, CHANNEL)
