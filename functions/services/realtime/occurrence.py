"""An event as the gateway hears it: whose it is, and the bytes that are handed on."""

import time
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from events import wire
from events.catalog.accounts import SessionRevoked
from events.catalog.load import load

OWNERS: Final = ("owner_id", "account_id")
"""The fields of an event's data that name the account whose event it is."""

OURS: Final = "/botberi/"
"""How the sources of our own events begin. What others publish names no owner: they could name anybody."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event."""

    id: str
    source: str
    type: str
    subject: str
    owner: str | None
    """The account that may see it, besides administrators."""
    ended_session: str | None
    """The session that ended by it."""
    body: bytes
    """The CloudEvent in structured JSON."""
    heard: float = field(default_factory=time.monotonic)


@cache
def owned_types() -> frozenset[str]:
    """Return the event types that belong to somebody."""
    return frozenset(name for name, model in load().items() if set(OWNERS) & set(model.model_fields))


def heard(body: bytes) -> Occurrence:
    """Read an event, or raise `wire.NotAnEventError`."""
    event = wire.decode(body)
    trusted = event.source.startswith(OURS)
    owners = (event.data.get(name) for name in OWNERS if trusted and event.type in owned_types())
    ends = trusted and event.type == SessionRevoked.type
    return Occurrence(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        owner=next((str(owner) for owner in owners if owner), None),
        ended_session=str(event.data["session_id"]) if ends and "session_id" in event.data else None,
        body=body,
    )
