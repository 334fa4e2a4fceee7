"""The wire: a CloudEvent as a value, and its structured JSON form, which every hop carries unchanged."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

CONTENT_TYPE: Final = "application/cloudevents+json"

BATCH_CONTENT_TYPE: Final = "application/cloudevents-batch+json"

MAX_EVENT_BYTES: Final = 1024 * 1024
"""The largest event that any hop takes."""

# Printable ASCII without space, quote and percent sign: no SDK percent-encodes the rest as the specification asks.
ATTRIBUTE: Final = re.compile(r"[!#$&-~]+")
EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}")
"""What the name of an extension attribute may be."""
CHANNEL: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""What a NOTIFY channel may be called: whatever Postgres takes without quotes."""
TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""The form of a W3C trace context, for schemas; `events.context` refuses one that is all zeros too."""

_REQUIRED: Final = ("id", "source", "type", "subject", "time")
_KNOWN: Final = {*_REQUIRED, "specversion", "datacontenttype", "dataschema", "data"}


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
    data: dict[str, Any]
    """Empty while the data is elsewhere: the extension `dataref` then says where."""
    dataschema: str | None = None
    extensions: tuple[tuple[str, str], ...] = ()
    """`sequence`, `partitionkey`, `traceparent`, `correlationid`, `causationid`, `actor` and others, sorted by name."""

    def extension(self, name: str) -> str | None:
        """Return an extension attribute, or None."""
        return dict(self.extensions).get(name)


def document(event: CloudEvent) -> dict[str, Any]:
    """Return `event` as the object whose JSON is its structured form."""
    attributes: dict[str, Any] = {
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


def encode(event: CloudEvent) -> bytes:
    """Return the structured JSON form of `event`."""
    return json.dumps(document(event), ensure_ascii=False, allow_nan=False).encode()


def decode(body: bytes) -> CloudEvent:
    """Read the structured JSON form, or raise `NotAnEventError`."""
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = f"the body is not JSON: {error}"
        raise NotAnEventError(message) from None
    if not isinstance(document, dict):
        message = "the body is not a JSON object"
        raise NotAnEventError(message)
    return from_attributes(document)


def from_attributes(document: dict[str, Any]) -> CloudEvent:
    """Check the attributes of a decoded event, `data` among them, or raise `NotAnEventError`."""
    if document.get("specversion") != "1.0":
        message = "specversion is not 1.0"
        raise NotAnEventError(message)
    attributes = {name: document.get(name) for name in _REQUIRED}
    extensions = {name: value for name, value in document.items() if name not in _KNOWN and value is not None}
    for name, value in (attributes | extensions).items():
        if not isinstance(value, str) or not is_attribute(value):
            message = f"the attribute {name[:40]!r} is missing or not printable ASCII text without spaces"
            raise NotAnEventError(message)
    for name in extensions:
        if not EXTENSION.fullmatch(name):
            message = f"{name[:40]!r} is no name for an extension attribute"
            raise NotAnEventError(message)
    if document.get("datacontenttype", "application/json") != "application/json":
        message = "datacontenttype is not application/json"
        raise NotAnEventError(message)
    if not isinstance(document.get("dataschema", ""), str | None):
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
        dataschema=document.get("dataschema"),
        extensions=tuple(sorted(extensions.items())),
    )


def whole(pattern: re.Pattern[str]) -> str:
    """Return a pattern as schemas want it: anchored, for all of a text."""
    return f"^{pattern.pattern}$"


def is_attribute(value: str) -> bool:
    """Tell whether `value` may be the value of an attribute, such as `subject`."""
    return ATTRIBUTE.fullmatch(value) is not None


def check_time(value: str) -> None:
    """Raise NotAnEventError if `value` is no date and time with a zone."""
    try:
        zone = datetime.fromisoformat(value).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        message = "time is not a date and time with a zone (RFC 3339)"
        raise NotAnEventError(message)


def _refuse_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)
