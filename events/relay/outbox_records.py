"""Outbox records as the relay reads them: each a rendered event, and the page of the outbox that it was read in."""

from dataclasses import dataclass, field
from typing import NamedTuple

from events.wire import MAX_ATTRIBUTES, MAX_NAME


class OutboxRecord(NamedTuple):
    """One row of the outbox, rendered."""

    seq: int
    id: str
    type: str
    event: str
    """The CloudEvent in structured JSON."""
    recipient: str | None
    """The one queue that it goes to; None for the exchange."""
    attributes: int
    """The length of all attributes together."""
    sound: bool
    """Whether every attribute is printable ASCII and the subject isn't empty."""
    subject: str = ""
    """The event's subject, where its later events may not overtake it; else empty."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything visible in the snapshot `s1` is delivered; of what `s2` shows besides, everything up to `last_seq`."""

    s1: str
    s2: str
    last_seq: int


@dataclass(frozen=True, slots=True)
class Unpublishable:
    """An outbox record that cannot be published, with the reason."""

    record: OutboxRecord
    reason: str
    """`type_unknown`, `not_encodable`, `too_large` or `unroutable`; `behind` when it only waits for another."""
    detail: str


@dataclass(slots=True)
class Page:
    """Records that were read together, and where the cursor stands when all of them are confirmed or parked."""

    records: list[OutboxRecord]
    after: Cursor
    unpublishable: list[Unpublishable] = field(default_factory=list)
    unconfirmed: int = 0
    sent_at: float = 0.0
    """By the monotonic clock."""
    finished: bool = False
    """Whether every record is confirmed, or returned by an exchange that is still the one it was sent to."""
    from_parked: bool = False
    """Whether the records were parked before, and are not read from the outbox."""


def rejection(record: OutboxRecord, catalog: frozenset[str]) -> Unpublishable | None:
    """Return why a record can never be published, or None if it can."""
    if not record.sound:
        detail = "an attribute is empty or has characters other than printable ASCII without quotes"
        return Unpublishable(record, "not_encodable", detail)
    if record.attributes > MAX_ATTRIBUTES or max(len(record.id), len(record.type)) > MAX_NAME:
        return Unpublishable(record, "too_large", f"{record.attributes} characters of attributes")
    if record.type not in catalog:
        return Unpublishable(record, "type_unknown", "the catalog has no such type")
    return None
