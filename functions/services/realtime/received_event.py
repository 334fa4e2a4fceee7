"""An event as the gateway receives it from RabbitMQ: whose it is, and the bytes that are handed on."""

from dataclasses import dataclass

from events import wire
from events.catalog.accounts import SessionRevoked
from events.catalog.owners import is_ours, owner_of


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event, and who may see it."""

    type: str
    subject: str
    owner: str | None
    """The account that may see it, besides administrators."""
    ended_session: str | None
    """The session that ended, if that is what the event says."""
    body: bytes
    """The CloudEvent in structured JSON."""


def parse(body: bytes) -> ReceivedEvent:
    """Read an event, or raise `wire.NotAnEventError`."""
    event = wire.decode(body)
    ends = event.type == SessionRevoked.type and is_ours(event.type, event.source)
    return ReceivedEvent(
        type=event.type,
        subject=event.subject,
        owner=owner_of(event.type, event.source, event.data),
        ended_session=str(event.data["session_id"]) if ends and "session_id" in event.data else None,
        body=body,
    )
