"""Publishing an event on behalf of a caller: checked against the catalog, once, by way of the outbox."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import text

from events import context
from events.catalog.load import load
from events.event import Event
from events.wire import is_attribute
from functions.domain.databases import SharedDb
from functions.domain.event_path.event_types import EventTypeUnknown
from functions.domain.refusals import Conflict, FieldError, Invalid

RESERVED: Final = "/botberi/"
"""Sources that begin so are ours: consumers trust them and deduplicate by them."""


CHANNELS: Final = ("events", "botberi_")
"""What reserved channels begin with."""


class EventIdTaken(Conflict):
    """Another event of this source has this id: an id is given once."""


class EventInvalid(Invalid):
    """The event doesn't fit the schema of its type: `errors` names each field."""


class SourceReserved(Invalid):
    """Sources below /botberi/ are Botberi's own: name your own system."""


class ChannelReserved(Invalid):
    """Channels that begin with `events` or `botberi_` are those that Botberi itself listens on."""


@dataclass(frozen=True)
class Notify:
    """The address of an event for Postgres: the queue where such events wait, and the channel."""

    queue: str
    channel: str


@dataclass(frozen=True)
class Published:
    """An event that is in the outbox."""

    id: str
    source: str
    type: str
    subject: str
    known: bool
    """Whether it was published before: this time nothing happened."""


_ONCE: Final = text(
    "insert into idempotency_keys (caller, key, fingerprint, answer) values (:caller, :key, :fingerprint, '')"
    " on conflict do nothing returning 1"
)
_BEFORE: Final = text("select fingerprint from idempotency_keys where caller = :caller and key = :key")
_EMIT: Final = text(
    "select emit_event(type => :type, subject => :subject, data => cast(:data as jsonb), id => :id, source => :source,"
    " recipient => :recipient, channel => :channel, traceparent => :traceparent, correlationid => :correlationid,"
    " actor => :actor)"
)


def publish(  # noqa: PLR0913 - each is a fact about the event, given by name
    db: SharedDb, event_type: str, data: dict[str, Any], *, event_id: str, source: str, notify: Notify | None = None
) -> Published:
    """Write an event to the outbox, once for each source and id.

    With `notify` it becomes a NOTIFY on that channel of shared_psql, and nobody else hears it.
    Raises EventTypeUnknown, EventInvalid, SourceReserved, ChannelReserved, or EventIdTaken.
    """
    if f"{source}/".startswith(RESERVED):
        raise SourceReserved(errors=[FieldError("/source", "reserved", SourceReserved.message())])
    channel = notify.channel if notify else None
    if channel is not None and channel.startswith(CHANNELS):
        raise ChannelReserved(errors=[FieldError("/channel", "reserved", ChannelReserved.message())])
    event = _checked(event_type, data)
    body = event.model_dump_json()
    published = Published(
        event_id, source, event.type, event.subject, known=not _first(db, source, event_id, event, channel)
    )
    if not published.known:
        now = context.current()
        row = {"id": event_id, "source": source, "type": event.type, "subject": event.subject, "data": body}
        trace = {"traceparent": now.traceparent, "correlationid": now.correlation, "actor": now.actor}
        address = {"recipient": notify.queue if notify else None, "channel": channel}
        db.execute(_EMIT, row | trace | address)
    return published


def _checked(event_type: str, data: dict[str, Any]) -> Event:
    model = load().get(event_type)
    if model is None:
        raise EventTypeUnknown
    try:
        event = model.model_validate_json(json.dumps(data))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise EventInvalid(errors=[_field_error(each["loc"], each["type"], each["msg"]) for each in details]) from None
    if not is_attribute(event.subject):
        message = "The subject of an event is printable ASCII without space, quote and percent."
        raise EventInvalid(errors=[FieldError(f"/data/{model.subject_field}", "subject_unfit", message)])
    return event


def _field_error(location: tuple[int | str, ...], code: str, message: str) -> FieldError:
    path = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return FieldError(f"/data{path}", code, message)


def _first(db: SharedDb, source: str, event_id: str, event: Event, channel: str | None) -> bool:
    """Note the event; False if this very event was noted before. Waits for one that is being noted just now."""
    fingerprint = hashlib.sha256(f"{channel} {event.type} {event.model_dump_json()}".encode()).hexdigest()
    row = {"caller": f"event {source}", "key": event_id, "fingerprint": fingerprint}
    if db.execute(_ONCE, row).first():
        return True
    if db.scalar(_BEFORE, row) != fingerprint:
        raise EventIdTaken
    return False
