"""An event as the gateway receives it from RabbitMQ: whose it is, and the bytes that are handed on."""

from dataclasses import dataclass
from typing import Final

from events import wire
from events.catalog.accounts import ApiKeyRevoked, SessionRevoked
from events.catalog.owners import is_ours, owner_of

_ENDS: Final = {SessionRevoked.type: SessionRevoked.subject_field, ApiKeyRevoked.type: ApiKeyRevoked.subject_field}
"""The types of events that say the end of a session or API key, and the field that has its id."""

ENDS: Final = tuple(_ENDS)


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event, and who may see it."""

    type: str
    subject: str
    owner: str | None
    """The account that may see it, besides administrators."""
    ended_credential: str | None
    """The session or API key that ended, if that is what the event says."""
    body: bytes
    """The CloudEvent in structured JSON."""


def parse(body: bytes) -> ReceivedEvent:
    """Read an event, or raise `wire.NotAnEventError`."""
    event = wire.decode(body)
    ends = _ENDS.get(event.type) if is_ours(event.type, event.source) else None
    return ReceivedEvent(
        type=event.type,
        subject=event.subject,
        owner=owner_of(event.type, event.source, event.data),
        ended_credential=str(event.data[ends]) if ends in event.data else None,
        body=body,
    )
