"""An event as the gateway receives it: whose it is, and the bytes that are handed on."""

import time
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from events import wire
from events.catalog.accounts import SessionRevoked
from events.catalog.load import load
from events.event import Event

OWNERS: Final = ("owner_id", "account_id")
"""The fields of an event's data that name the account whose event it is."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event, and who may see it."""

    id: str
    source: str
    type: str
    subject: str
    owner: str | None
    """The account that may see it, besides administrators."""
    ended_session: str | None
    """The session that ended, if that is what the event says."""
    body: bytes
    """The CloudEvent in structured JSON."""
    received_at: float = field(default_factory=time.monotonic)


@cache
def owned_types() -> frozenset[str]:
    """Return the event types that belong to somebody."""
    return frozenset(name for name, model in _catalog().items() if set(OWNERS) & set(model.model_fields))


def is_ours(event_type: str, source: str) -> bool:
    """Return whether Botberi itself says events of this type, and has said this one."""
    model = _catalog().get(event_type)
    return model is not None and model.scope is None and model.is_trusted(source)


@cache
def _catalog() -> dict[str, type[Event]]:
    return load()


def parse(body: bytes) -> ReceivedEvent:
    """Read an event, or raise `wire.NotAnEventError`."""
    event = wire.decode(body)
    # What others publish names no owner: they could name anybody.
    trusted = is_ours(event.type, event.source)
    owners = (event.data.get(name) for name in OWNERS if trusted and event.type in owned_types())
    ends = trusted and event.type == SessionRevoked.type
    return ReceivedEvent(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        owner=next((str(owner) for owner in owners if owner), None),
        ended_session=str(event.data["session_id"]) if ends and "session_id" in event.data else None,
        body=body,
    )
