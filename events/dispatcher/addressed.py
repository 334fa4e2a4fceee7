"""What may become a NOTIFY: an event of the catalog's, addressed to a channel that is safe to ring.

Nearly everything that comes is plain, which one pass of pydantic over the bytes can tell at a fifth of the cost. What
isn't plain is looked at attribute by attribute, and refused with a reason or let through all the same.
"""

import json
import re
from typing import Annotated, Any, Final, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, create_model

from events import wire
from events.event import Event
from events.wire import NotAnEventError

CHANNEL: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""What a channel may be called: whatever Postgres takes without quotes."""

RESERVED: Final = frozenset({"events", "botberi_outbox"})
"""Channels that the event path itself listens on: an event would come back as another."""

_Attribute = Annotated[str, StringConstraints(strict=True, pattern=rf"^(?:{wire.ATTRIBUTE.pattern})$")]
_Extension = Annotated[str, StringConstraints(pattern=rf"^(?:{wire.EXTENSION.pattern})$")]
_Channel = Annotated[str, StringConstraints(strict=True, pattern=rf"^(?:{CHANNEL.pattern})$")]


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


class Gatekeeper:
    """Lets through what may become a NOTIFY."""

    def __init__(self, catalog: dict[str, type[Event]]) -> None:
        """`catalog` has the model of every type."""
        self._catalog = catalog
        kinds = tuple(_plain(name, model) for name, model in catalog.items())
        any_of_them: Any = Annotated[Union[kinds], Field(discriminator="type")]  # noqa: UP007 - of a tuple
        self._plain: TypeAdapter[_Plain] = TypeAdapter(any_of_them)

    def let_through(self, body: bytes) -> str:
        """Return the event in `body` as JSON, or raise NotAnEventError or ValidationError."""
        return body.decode() if self.is_plain(body) else self.look_at(body)

    def is_plain(self, body: bytes) -> bool:
        """Tell whether it can be let through without being looked at; it may be sound though it isn't plain."""
        try:
            event = self._plain.validate_json(body)
            wire.check_time(event.time)
        except (ValidationError, NotAnEventError):
            return False
        return event.channel not in RESERVED

    def look_at(self, body: bytes) -> str:
        """Do the same as `let_through`, attribute by attribute."""
        event = wire.decode(body)
        model = self._catalog.get(event.type)
        if model is None:
            raise NotAnEventError("the catalog has no such type")
        channel = event.extension("channel") or ""
        if not CHANNEL.fullmatch(channel) or channel in RESERVED:
            raise NotAnEventError(f"the channel {channel[:70]!r} is missing, unsafe or reserved")
        if event.data or event.extension("dataref") is None:
            model.read(event.data)
        document: dict[str, Any] = json.loads(body)
        return json.dumps(document)


def _plain(name: str, model: type[Event]) -> type[_Plain]:
    constant: Any = Literal[name]
    return create_model(model.__name__, __base__=_Plain, type=(constant, ...), data=(model, ...))
