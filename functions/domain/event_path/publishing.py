"""Publishing events on behalf of a caller: checked against the catalog, each once, by way of the outbox."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue, ValidationError
from sqlalchemy import text

from core import context
from events.catalog.load import load
from events.event import Event
from events.wire import MAX_SUBJECT, is_attribute
from functions.domain.api_errors import ApiError, Conflict, FieldError, Forbidden, Invalid
from functions.domain.databases import SharedDb
from functions.domain.event_path import sources
from functions.domain.event_path.event_types import EventTypeUnknown
from functions.domain.principals import Principal

CHANNELS: Final = ("events", "botberi_")
"""The beginnings of reserved channels."""


class EventIdTaken(Conflict):
    """Another event of this source has this id: an id is given once."""


class TypeReserved(Invalid):
    """Botberi alone says this type: GET /v1/event-types names the scope of those that others may publish."""


class TypeNotGranted(Forbidden):
    """You may not publish this type: it isn't among those that your key or account was given."""


class EventInvalid(Invalid):
    """The event doesn't fit the schema of its type: `errors` names each field."""


class SourceReserved(Invalid):
    """Sources that begin like Botberi's own (`botberi`, `accounts`, `notify`) are reserved: name your own system."""


class SourceNotNormal(Invalid):
    """A source is a URI reference, in the one form that RFC 3986 calls normal."""


class SourceNotGranted(Forbidden):
    """You may not publish under this source: it isn't among those that your key or account was given."""


class ChannelReserved(Invalid):
    """Channels that begin with `events` or `botberi_` are those that Botberi itself listens on."""


class BatchRefused(Invalid):
    """Nothing of the batch was published: `errors` names what is wrong with which event, counted from 0."""


API_ERRORS: Final = (
    EventTypeUnknown,
    TypeReserved,
    TypeNotGranted,
    EventInvalid,
    EventIdTaken,
    SourceNotNormal,
    SourceReserved,
    SourceNotGranted,
    ChannelReserved,
)
"""Every reason for which an event isn't published."""


@dataclass(frozen=True)
class Draft:
    """An event as a caller wants to publish it."""

    type: str
    data: Mapping[str, object]
    id: str
    source: str
    subject: str | None = None
    """The subject as the caller has it, which is compared with that in the data; None to have it read from the data."""
    channel: str | None = None
    """With it the event becomes a NOTIFY on that channel of shared_psql, and nobody else receives it."""
    traceparent: str | None = None
    """None for that of the call in progress; the same goes for the next two."""
    correlationid: str | None = None
    causationid: str | None = None


@dataclass(frozen=True)
class Published:
    """An event that is in the outbox."""

    id: str
    source: str
    type: str
    subject: str
    channel: str | None
    duplicate: bool
    """Whether the event was published before, so that nothing happened this time."""


# Sorted, so that two batches with the same events wait for each other instead of locking each other out.
_NOTE: Final = text("""
insert into idempotency_keys (caller, key, fingerprint, response)
select caller, key, fingerprint, '' from jsonb_to_recordset(cast(:rows as jsonb))
  as given (caller text, key text, fingerprint text) order by caller, key
on conflict do nothing returning caller, key
""")

_BEFORE: Final = text("""
select caller, key, kept.fingerprint from idempotency_keys as kept
join jsonb_to_recordset(cast(:rows as jsonb)) as given (caller text, key text) using (caller, key)
""")

# Of two who publish about one subject at the same time, the one who commits first gets the lower number.
_IN_ORDER: Final = text("select where lock_subjects(cast(:subjects as text[])) is null").execution_options(
    unanswered=True
)

_EMIT: Final = text("""
select emit_event(type => type, subject => subject, data => data, id => id, source => source, recipient => recipient,
                  channel => channel, traceparent => traceparent, correlationid => correlationid,
                  causationid => causationid, actor => actor)
from (
  select each.* from jsonb_array_elements(cast(:rows as jsonb)) with ordinality as given (row, place),
    jsonb_to_record(row) as each (type text, subject text, data jsonb, id text, source text, recipient text,
      channel text, traceparent text, correlationid text, causationid text, actor text)
  order by place
) as ordered
""")


def publish(db: SharedDb, by: Principal, draft: Draft, notify_queue: str) -> Published:
    """Write an event to the outbox, once for each source and id.

    `notify_queue` is where events wait that are addressed to Postgres. Raises one of REFUSALS.
    """
    [published] = _published(db, [draft], [_checked(by, draft, load())], notify_queue)
    if published is None:
        raise EventIdTaken
    return published


def publish_all(db: SharedDb, by: Principal, drafts: Sequence[Draft], notify_queue: str) -> list[Published]:
    """Write events to the outbox in their order, all of them or none, each once for each source and id.

    An event that comes twice in the batch is a duplicate the second time. Raises BatchRefused with every error.
    """
    events: list[Event] = []
    errors: list[FieldError] = []
    catalog = load()
    for place, draft in enumerate(drafts):
        try:
            events.append(_checked(by, draft, catalog))
        except ApiError as api_error:
            errors += _at(place, api_error)
    if errors:
        raise BatchRefused(errors=errors)
    published = _published(db, drafts, events, notify_queue)
    errors = [
        FieldError(f"/{i}/id", EventIdTaken.code, EventIdTaken.message()) for i, p in enumerate(published) if not p
    ]
    if errors:
        raise BatchRefused(errors=errors)
    return [each for each in published if each]


def _at(place: int, api_error: ApiError) -> list[FieldError]:
    """Return the errors of one event of a batch."""
    if not api_error.errors:
        return [FieldError(f"/{place}/type", api_error.code, api_error.message())]
    return [FieldError(f"/{place}{error.pointer}", error.code, error.message) for error in api_error.errors]


def _checked(by: Principal, draft: Draft, catalog: Mapping[str, type[Event]]) -> Event:
    """Return the event that a draft means, or refuse it."""
    model = catalog.get(draft.type)
    if model is None:
        raise EventTypeUnknown
    _check_type(by, model)
    _check_source(by, draft.source)
    if draft.channel is not None and draft.channel.startswith(CHANNELS):
        raise _refused(ChannelReserved, "/channel")
    try:
        event = model.model_validate_json(json.dumps(draft.data))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise EventInvalid(errors=[_field_error(each["loc"], each["type"], each["msg"]) for each in details]) from None
    if not is_attribute(event.subject) or len(event.subject) > MAX_SUBJECT:
        message = f"The subject of an event is printable ASCII without quotes, {MAX_SUBJECT} characters at most."
        raise EventInvalid(errors=[FieldError(f"/data/{model.subject_field}", "subject_unfit", message)])
    if draft.subject not in (None, event.subject):
        message = f"The subject of this type is its data's {model.subject_field}."
        raise EventInvalid(errors=[FieldError("/subject", "subject_differs", message)])
    return event


def _check_type(by: Principal, model: type[Event]) -> None:
    if model.scope is None:
        raise _refused(TypeReserved, "/type")
    if model.scope not in by.scopes or (by.types and model.type not in by.types):
        raise _refused(TypeNotGranted, "/type")


def _check_source(by: Principal, source: str) -> None:
    usual = sources.normal(source)
    if usual != source:
        advice = "It has characters that no URI has" if usual is None else f"Write it as {usual}"
        raise SourceNotNormal(errors=[FieldError("/source", SourceNotNormal.code, f"{advice}.")])
    if sources.is_within(source, by.sources):
        return
    raise _refused(SourceReserved if sources.is_reserved(source) else SourceNotGranted, "/source")


def _refused(kind: type[ApiError], pointer: str) -> ApiError:
    return kind(errors=[FieldError(pointer, kind.code, kind.message())])


def _field_error(location: tuple[int | str, ...], code: str, message: str) -> FieldError:
    path = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return FieldError(f"/data{path}", code, message)


def _published(
    db: SharedDb, drafts: Sequence[Draft], events: Sequence[Event], notify_queue: str
) -> list[Published | None]:
    """Write what is new; None stands for an event whose id another one has."""
    keys = [(f"event {draft.source}", draft.id) for draft in drafts]
    fingerprints = [_fingerprint(draft, event) for draft, event in zip(drafts, events, strict=True)]
    fresh, kept = _noted(db, keys, fingerprints)
    published: list[Published | None] = []
    rows: list[dict[str, JsonValue]] = []
    for draft, event, key, fingerprint in zip(drafts, events, keys, fingerprints, strict=True):
        if kept.setdefault(key, fingerprint) != fingerprint:
            published.append(None)
            continue
        is_fresh = key in fresh
        fresh.discard(key)
        if is_fresh:
            rows.append(_row(draft, event, notify_queue))
        facts = (draft.id, draft.source, event.type, event.subject, draft.channel)
        published.append(Published(*facts, duplicate=not is_fresh))
    if rows and None not in published:
        db.execute(_IN_ORDER, {"subjects": [row["subject"] for row in rows]})
        db.execute(_EMIT, {"rows": json.dumps(rows)}).all()
    return published


def _fingerprint(draft: Draft, event: Event) -> str:
    return hashlib.sha256(f"{draft.channel} {event.type} {event.model_dump_json()}".encode()).hexdigest()


def _row(draft: Draft, event: Event, notify_queue: str) -> dict[str, JsonValue]:
    now = context.current()
    return {
        **vars(draft),
        "subject": event.subject,
        "data": event.model_dump(mode="json"),
        "recipient": notify_queue if draft.channel else None,
        "traceparent": draft.traceparent or now.traceparent,
        "correlationid": draft.correlationid or now.correlation,
        "actor": now.actor,
    }


Keys = tuple[str, str]


def _noted(db: SharedDb, keys: Sequence[Keys], fingerprints: Sequence[str]) -> tuple[set[Keys], dict[Keys, str]]:
    """Insert the keys of events; return those that are new, and the fingerprints that the others had.

    Waits for a transaction that is inserting one of the same keys, whose end decides which of the two is first.
    """
    first: dict[Keys, str] = {}
    for key, fingerprint in zip(keys, fingerprints, strict=True):
        first.setdefault(key, fingerprint)
    rows = [{"caller": caller, "key": key, "fingerprint": each} for (caller, key), each in first.items()]
    fresh = {(row.caller, row.key) for row in db.execute(_NOTE, {"rows": json.dumps(rows)})}
    if len(fresh) == len(first):
        return fresh, {}
    before = json.dumps([row for row in rows if (row["caller"], row["key"]) not in fresh])
    return fresh, {(row.caller, row.key): row.fingerprint for row in db.execute(_BEFORE, {"rows": before})}
