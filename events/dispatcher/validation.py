"""What may become a NOTIFY: an event of the catalog's, addressed to a channel that is safe to notify.

Nearly everything that comes is plain, which one pass of pydantic over the bytes can tell at a fifth of the cost. What
isn't plain is looked at attribute by attribute, and refused with a reason or let through all the same.
"""

import json
import re
from typing import Annotated, Any, Final, Literal, NamedTuple, Union

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    create_model,
)

from events import wire
from events.event import Event
from events.wire import NotAnEventError

RESERVED: Final = frozenset({"events", "botberi_outbox"})
"""Channels that the event path itself listens on: an event would come back as another."""

# JSON has each of them in more than one spelling; whatever has none of these is what it seems.
_SUSPICIOUS: Final = re.compile(rb"NaN|Infinity|\\u0000")

# Spaces are allowed inside, and seldom: this is a fraction of the work for each attribute of each event.
_Attribute = Annotated[str, StringConstraints(strict=True, pattern=r"^[!#-~]+$")]
_Extension = Annotated[str, StringConstraints(pattern=wire.whole(wire.EXTENSION))]
_Channel = Annotated[str, StringConstraints(strict=True, pattern=wire.whole(wire.CHANNEL))]


class ValidatedEvent(NamedTuple):
    """An event that may become a NOTIFY."""

    source: str
    id: str
    channel: str
    event: str
    """The CloudEvent as JSON."""


class _Plain(BaseModel):
    """An event without any of what is allowed and seldom: data elsewhere, attributes that are null, unknown fields."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[_Extension, _Attribute]

    specversion: Literal["1.0"]
    id: _Attribute
    source: _Attribute
    subject: _Attribute
    time: _Attribute
    channel: _Channel
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str = ""


class Validator:
    """Validates messages that are to become a NOTIFY."""

    def __init__(self, catalog: dict[str, type[Event]]) -> None:
        """`catalog` has the model of every type."""
        self._catalog = catalog
        kinds = tuple(_plain(name, model) for name, model in catalog.items())
        any_of_them: Any = Annotated[Union[kinds], Field(discriminator="type")]  # noqa: UP007 - of a tuple
        self._plain: TypeAdapter[_Plain] = TypeAdapter(any_of_them)

    def validate(self, body: bytes) -> ValidatedEvent:
        """Return the event in `body`, or raise NotAnEventError or ValidationError."""
        return self.validate_plain(body) or self.validate_fully(body)

    def validate_plain(self, body: bytes) -> ValidatedEvent | None:
        """Return the event if it is plain, else None: it may be valid all the same."""
        try:
            event = self._plain.validate_json(body)
            wire.check_time(event.time)
        except (ValidationError, NotAnEventError):
            return None
        if event.channel in RESERVED or _SUSPICIOUS.search(body):
            return None
        return ValidatedEvent(event.source, event.id, event.channel, body.decode())

    def validate_fully(self, body: bytes) -> ValidatedEvent:
        """Validate attribute by attribute; raises NotAnEventError with a reason, or ValidationError."""
        event = wire.decode(body)
        model = self._catalog.get(event.type)
        if model is None:
            raise NotAnEventError("the catalog has no such type")
        channel = event.extension("channel") or ""
        if not wire.CHANNEL.fullmatch(channel) or channel in RESERVED:
            raise NotAnEventError(f"the channel {channel[:70]!r} is missing, unsafe or reserved")
        if event.data or event.extension("dataref") is None:
            model.read(event.data)
        return ValidatedEvent(event.source, event.id, channel, _storable(json.loads(body)))


def _storable(document: JsonValue) -> str:
    """Return JSON that Postgres takes: it has no U+0000, no half of a surrogate pair, and no infinite number."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:
        raise NotAnEventError("it has a character or a number that Postgres can't keep") from None
    if "\\u0000" in text:
        raise NotAnEventError("it has the character U+0000, which Postgres can't keep")
    return text


def _plain(name: str, model: type[Event]) -> type[_Plain]:
    constant: Any = Literal[name]
    return create_model(model.__name__, __base__=_Plain, type=(constant, ...), data=(model, ...))
