"""What the relay carries: an event that is ready for the wire, and the page of the outbox that it was read in."""

from dataclasses import dataclass, field
from typing import NamedTuple

from events.wire import MAX_ATTRIBUTES, MAX_NAME


class Letter(NamedTuple):
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
    """What it is about, where those after it may not overtake it."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything visible in the snapshot `s1` is delivered; of what `s2` shows besides, everything up to `last_seq`."""

    s1: str
    s2: str
    last_seq: int


@dataclass(frozen=True, slots=True)
class Unpublishable:
    """A letter that no broker will take, and why."""

    letter: Letter
    reason: str
    """`type_unknown`, `not_encodable`, `too_large` or `unroutable`; `behind` when it only waits for another."""
    detail: str


@dataclass(slots=True)
class Page:
    """Letters that were read together, and where the cursor stands when all of them are confirmed or parked."""

    letters: list[Letter]
    after: Cursor
    unpublishable: list[Unpublishable] = field(default_factory=list)
    unconfirmed: int = 0
    sent_at: float = 0.0
    """By the monotonic clock."""
    finished: bool = False
    """Whether every letter is confirmed, or returned by an exchange that is still the one it was sent to."""
    from_parked: bool = False
    """Whether the letters were parked before, and are not read from the outbox."""


def refusal(letter: Letter, catalog: frozenset[str]) -> Unpublishable | None:
    """Tell why a letter can never be published, or None."""
    if not letter.sound:
        detail = "an attribute is empty or has characters other than printable ASCII without quotes"
        return Unpublishable(letter, "not_encodable", detail)
    if letter.attributes > MAX_ATTRIBUTES or max(len(letter.id), len(letter.type)) > MAX_NAME:
        return Unpublishable(letter, "too_large", f"{letter.attributes} characters of attributes")
    if letter.type not in catalog:
        return Unpublishable(letter, "type_unknown", "the catalog has no such type")
    return None
