"""Events that other systems say, of what they know and Botberi doesn't: publishers, by POST /v1/events."""

from typing import Annotated

from pydantic import Field

from events.event import Event


class NoticePosted(Event, type="com.botberi.notice.posted.v1", subject="notice_id", scope="broker"):
    """Somebody has something to tell whoever listens.

    Said by whoever may publish at all; what it means is between them and who receives it.
    """

    notice_id: str
    """The notice, as its author numbers it."""
    text: str
    """What is to be told."""


class RecordChanged(Event, type="com.botberi.record.changed.v1", subject="record_id", scope="records"):
    """A record in another system is new, different or gone: a customer, an order, a ticket.

    Said by the system that keeps the record, when it has changed.
    """

    record_id: str
    """The record, as its system numbers it."""
    kind: Annotated[str, Field(examples=["customer"])]
    """What kind of record it is."""
    change: Annotated[str, Field(examples=["updated"])]
    """`created`, `updated` or `deleted`; there may be more."""
