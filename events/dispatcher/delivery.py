"""What the dispatcher hands around: a delivery from a queue, and what became of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from typing import Final

from pydantic import JsonValue

from events.wire import BATCH_CONTENT_TYPE, CONTENT_TYPE

MAX_NAME: Final = 500
"""Characters of a subject, source or id that fit an index of Postgres, whatever they are."""


class Verdict(Enum):
    """What a function's answer means."""

    HANDLED = auto()
    RETRY = auto()
    DEAD = auto()


@dataclass(frozen=True)
class CallResult:
    """A verdict, with what an administrator should know about it."""

    verdict: Verdict
    reason: str
    """A code: `handled`, `refused`, `unauthenticated`, `unavailable`, `timeout`, `unreachable`, `bug`, `unexpected`."""
    detail: str = ""


@dataclass
class Delivery:
    """One message, until it is settled."""

    tag: int
    connection: int
    """The number of the connection it came over: a tag means nothing on another."""
    body: bytes
    subject: str
    """Deliveries of one subject are handled one after another."""
    event_id: str
    source: str
    traceparent: str | None
    attempts: int = 0
    failed_first: float = 0.0
    """When its first call failed, by the monotonic clock."""
    content_type: str = CONTENT_TYPE
    readable: bool = True
    """Whether it can stand beside others: of what is no JSON the others would become none either."""

    @property
    def is_storable(self) -> bool:
        """Whether Postgres can keep it under its names: they are neither long nor hold what isn't text."""
        return all(len(name) <= MAX_NAME and name.isprintable() for name in (self.subject, self.source, self.event_id))


def received(tag: int, connection: int, body: bytes) -> Delivery:
    """Return the delivery of a message; one that is no event keeps to itself, and its function will refuse it."""
    event = attributes(body)
    alone = "" if event.get("id") and event.get("subject") else f"unreadable-{sha256(body).hexdigest()[:32]}"
    return Delivery(
        tag,
        connection,
        body,
        subject=_text(event.get("subject")) or alone,
        event_id=_text(event.get("id")) or alone,
        source=_text(event.get("source")),
        traceparent=_text(event.get("traceparent")) or None,
        readable=not alone,
    )


def together(deliveries: Sequence[Delivery]) -> Delivery:
    """Return what brings several events by one call, in their order. It is called with, and never settled."""
    names = "\n".join(f"{each.source}\n{each.event_id}" for each in deliveries)
    body = b"[" + b",".join(each.body for each in deliveries) + b"]"
    return Delivery(0, 0, body, "", names, "", None, content_type=BATCH_CONTENT_TYPE)


def attributes(body: bytes) -> dict[str, JsonValue]:
    """Return the event in a body as a dictionary, empty if it is none."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
