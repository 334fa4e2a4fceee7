"""The envelope: what every event says of itself, as a table for people and a schema for programs."""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from core.configuration import setting
from events.event import GRAMMAR, Event
from events.wire import ATTRIBUTE, CHANNEL, EXTENSION, TRACEPARENT, is_attribute, whole

DEFAULT_API: Final = "http://localhost:8080"

_TEXT: Final[dict[str, JsonValue]] = {"type": "string", "minLength": 1, "pattern": whole(ATTRIBUTE)}
"""Printable ASCII without quotes, with spaces only inside."""


@dataclass(frozen=True)
class Attribute:
    """An attribute of a CloudEvent."""

    meaning: str
    schema: dict[str, JsonValue]
    required: bool = False
    """Without it nothing is an event."""
    ours: bool = False
    """Whether it is in every event that Botberi itself says; others may leave it out."""


ATTRIBUTES: Final = {
    "specversion": Attribute("The version of CloudEvents.", {"const": "1.0"}, required=True),
    "id": Attribute("Unique within the source: `evt_…` for our own.", _TEXT, required=True),
    "source": Attribute(
        "Who says it: `/botberi/user_psql` or `/botberi/shared_psql` for our own. With `id` it tells duplicates.",
        _TEXT | {"format": "uri-reference"},
        required=True,
    ),
    "type": Attribute("What happened.", {"type": "string", "pattern": GRAMMAR.pattern}, required=True),
    "subject": Attribute("What it happened to: an id.", _TEXT, required=True),
    "time": Attribute(
        "When it was written, by the database's clock.", {"type": "string", "format": "date-time"}, required=True
    ),
    "datacontenttype": Attribute("The form of the data.", {"const": "application/json"}, ours=True),
    "dataschema": Attribute("Where the JSON Schema of the data is.", _TEXT | {"format": "uri"}, ours=True),
    "sequence": Attribute(
        "Its number in the outbox, with leading zeros: about one subject the higher is later, if writers take turns.",
        {"type": "string", "pattern": "^[0-9]{20}$"},
        ours=True,
    ),
    "partitionkey": Attribute("Events of one key keep their order: the subject.", _TEXT, ours=True),
    "actor": Attribute(
        "Who made it happen: an account's id, `/` and an API key's behind it if it was shown; or `system`.",
        _TEXT,
        ours=True,
    ),
    "traceparent": Attribute("The trace that it belongs to (W3C).", {"type": "string", "pattern": whole(TRACEPARENT)}),
    "correlationid": Attribute("What everything has in common that one first request or event led to.", _TEXT),
    "causationid": Attribute("The id of the event that led to this one.", _TEXT),
    "channel": Attribute(
        "The NOTIFY channel, of an event that is addressed to Postgres.",
        {"type": "string", "pattern": whole(CHANNEL)},
    ),
    "dataref": Attribute(
        "Where the data is, when it has more than 64 KiB: `/botberi/<database>/bodies/<id>`. Then there is no `data`.",
        _TEXT | {"format": "uri-reference"},
    ),
}

REQUIRED: Final = tuple(name for name, each in ATTRIBUTES.items() if each.required)
"""Without these nothing is an event."""

OURS: Final = tuple(name for name, each in ATTRIBUTES.items() if each.ours)


def schema() -> dict[str, JsonValue]:
    """Return the JSON Schema of the structured form of any event, whoever says it."""
    described: dict[str, JsonValue] = {
        name: each.schema | {"description": each.meaning} for name, each in ATTRIBUTES.items()
    }
    return {
        "title": "CloudEvent",
        "description": "A CloudEvent 1.0 in structured JSON. Further attributes are extensions of others: ignore them.",
        "type": "object",
        "required": [*REQUIRED],
        "properties": {**described, "data": {"type": "object", "description": "What the type's own schema says."}},
        "propertyNames": {"pattern": whole(EXTENSION)},
        "additionalProperties": _TEXT,
        "anyOf": [{"required": ["data"]}, {"required": ["dataref"]}],
    }


def schema_path(event_type: str) -> str:
    """Return where the schema of a type's data is, below the address of the API."""
    return f"/v1/event-types/{event_type}/schema"


def dataschema(model: type[Event], api: str) -> str:
    """Return the `dataschema` of a type's events: an absolute address, as CloudEvents wants it."""
    return api + schema_path(model.type)


def api() -> str:
    """Return where the API is for whoever reads an event: the setting API_URL; raise ValueError if it is no address."""
    address = (setting("API_URL", "") or DEFAULT_API).rstrip("/")
    if not address.startswith(("http://", "https://")) or not is_attribute(address) or " " in address:
        message = f"API_URL is {address!r}, which is no address such as https://api.example.com"
        raise ValueError(message)
    return address
