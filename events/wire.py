"""The wire: a CloudEvent as a value, and its structured JSON form, which every hop carries unchanged."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

CONTENT_TYPE: Final = "application/cloudevents+json"

BATCH_CONTENT_TYPE: Final = "application/cloudevents-batch+json"

MAX_EVENT_BYTES: Final = 1024 * 1024
"""The largest event that any hop takes."""

# Printable ASCII without quotes, spaces only inside: events travel as structured JSON alone, in which a percent sign is
# one. A quote would have to be escaped, for which the relay would have to look at each attribute of each event.
ATTRIBUTE: Final = re.compile(r"[!#-~]([ !#-~]*[!#-~])?")
EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}")
"""What the name of an extension attribute may be."""
CHANNEL: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""What a NOTIFY channel may be called: whatever Postgres takes without quotes."""
MAX_ATTRIBUTES: Final = 4096
"""Characters that all attributes of an event may have together."""
MAX_NAME: Final = 255
"""Characters of an id or a type: what a short string of AMQP holds."""
MAX_SUBJECT: Final = 500
"""Characters of a subject: what fits an index of Postgres, whatever they are."""
JSON_TYPE: Final = re.compile(r"[\w!#$&^.-]+/(?:[\w!#$&^.+-]+\+)?json(?: *;.*)?", re.ASCII | re.IGNORECASE)
"""The media types whose content is JSON: those of the subtype `json`, or with the suffix `+json`."""
TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(\.\d+)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII | re.IGNORECASE,
)
"""RFC 3339: date, hour and minute, second with its fraction, offset."""
TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""The form of a W3C trace context, for schemas; `core.context` refuses one that is all zeros too."""

_REQUIRED: Final = ("id", "source", "type", "subject", "time")
_KNOWN: Final = {*_REQUIRED, "specversion", "datacontenttype", "dataschema", "data"}


_USUAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z", re.ASCII)

LEAP: Final = "60"
"""The second that a leap second has."""


class NotAnEventError(ValueError):
    """The bytes are no CloudEvent of the form that this project sends; the message says why."""


@dataclass(frozen=True)
class CloudEvent:
    """A CloudEvent 1.0 whose data is a JSON object. Deduplicate on (`source`, `id`)."""

    id: str
    source: str
    """`/botberi/user_psql` or `/botberi/shared_psql` for our own."""
    type: str
    subject: str
    time: str
    """RFC 3339, with a zone."""
    data: dict[str, object]
    """Empty while the data is elsewhere: the extension `dataref` then says where."""
    dataschema: str | None = None
    extensions: tuple[tuple[str, str], ...] = ()
    """`sequence`, `partitionkey`, `traceparent`, `correlationid`, `causationid`, `actor` and others, sorted by name."""

    def extension(self, name: str) -> str | None:
        """Return an extension attribute, or None."""
        return dict(self.extensions).get(name)


def document(event: CloudEvent) -> dict[str, object]:
    """Return `event` as the object whose JSON is its structured form."""
    attributes: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time,
        "datacontenttype": "application/json",
    }
    if event.dataschema:
        attributes["dataschema"] = event.dataschema
    attributes |= dict(event.extensions)
    return attributes if event.extension("dataref") and not event.data else attributes | {"data": event.data}


def fits(event: CloudEvent) -> bool:
    """Return whether the attributes of an event are as short as RabbitMQ and the relay need them."""
    own = (event.id, event.source, event.type, event.subject, event.subject)
    names = ("traceparent", "correlationid", "causationid", "channel", "actor")
    length = sum(map(len, (*own, *(event.extension(name) or "" for name in names))))
    return length <= MAX_ATTRIBUTES and max(len(event.id), len(event.type)) <= MAX_NAME


def decode(body: bytes) -> CloudEvent:
    """Read the structured JSON form, or raise `NotAnEventError`."""
    return _event(_read_json(body))


def decode_batch(body: bytes) -> list[CloudEvent]:
    """Read a JSON array of events in the structured form, one or more, or raise `NotAnEventError`."""
    documents = _read_json(body)
    if not isinstance(documents, list) or not documents:
        message = "the body is not a JSON array of events"
        raise NotAnEventError(message)
    return [_event(each) for each in documents]


def _event(document: object) -> CloudEvent:
    if not isinstance(document, dict):
        message = "the body is not a JSON object"
        raise NotAnEventError(message)
    return from_attributes(document)


def _read_json(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = f"the body is not JSON: {error}"
        raise NotAnEventError(message) from None


def from_attributes(document: Mapping[str, object]) -> CloudEvent:
    """Check the attributes of a decoded event, `data` among them, or raise `NotAnEventError`."""
    if document.get("specversion") != "1.0":
        message = "specversion is not 1.0"
        raise NotAnEventError(message)
    attributes = {name: document.get(name) for name in _REQUIRED}
    extensions = {name: value for name, value in document.items() if name not in _KNOWN and value is not None}
    for name, value in (attributes | extensions).items():
        if not isinstance(value, str) or not is_attribute(value):
            message = f"the attribute {name[:40]!r} is missing or not printable ASCII text without quotes"
            raise NotAnEventError(message)
    for name in extensions:
        if not EXTENSION.fullmatch(name):
            message = f"{name[:40]!r} is no name for an extension attribute"
            raise NotAnEventError(message)
    if not is_json(document.get("datacontenttype") or "application/json"):
        message = "datacontenttype is not that of JSON"
        raise NotAnEventError(message)
    dataschema = document.get("dataschema")
    if not isinstance(dataschema, str | None):
        message = "dataschema is not text"
        raise NotAnEventError(message)
    data = document.get("data", {} if "dataref" in extensions else None)
    if not isinstance(data, dict):
        message = "data is not a JSON object"
        raise NotAnEventError(message)
    check_time(str(attributes["time"]))
    return CloudEvent(
        **{name: str(value) for name, value in attributes.items()},
        data=data,
        dataschema=dataschema,
        extensions=tuple(sorted((name, str(value)) for name, value in extensions.items())),
    )


def whole(pattern: re.Pattern[str]) -> str:
    """Return a pattern as schemas want it: anchored, for all of a text."""
    return f"^{pattern.pattern}$"


def is_attribute(value: str) -> bool:
    """Return whether `value` may be the value of an attribute, such as `subject`."""
    return ATTRIBUTE.fullmatch(value) is not None


def is_json(media_type: object) -> bool:
    """Return whether `media_type` is one of JSON, with or without parameters."""
    return isinstance(media_type, str) and JSON_TYPE.fullmatch(media_type.strip()) is not None


def check_time(value: str) -> None:
    """Raise NotAnEventError if `value` is no time as RFC 3339 writes it."""
    # What we and most others write is known at a glance; a day that no month has is still none.
    if _USUAL_TIME.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return
    moment(value)


def moment(value: str) -> datetime:
    """Return the time that `value` is, or raise NotAnEventError; a leap second is the one before it."""
    match = TIME.fullmatch(value)
    date, minute, second, fraction, offset = match.groups("") if match else ("", "", "", "", "")
    leap = second == LEAP
    try:
        found = datetime.fromisoformat(f"{date}T{minute}:{'59' if leap else second}{fraction[:7]}{offset.upper()}")
    except ValueError:
        message = "time is not a date and time with a zone, as RFC 3339 writes it"
        raise NotAnEventError(message) from None
    if leap and found.astimezone(UTC).strftime("%H:%M") != "23:59":
        message = "time has a leap second where there can't be one"
        raise NotAnEventError(message)
    return found


def _refuse_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)
