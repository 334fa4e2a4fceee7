"""POST /v1/events: publish an event of the catalog, once for each source and id."""

from typing import Annotated, Any, Final

from pydantic import Field

from events.bus import EXCHANGE, NOTIFY_QUEUE
from events.ids import new_id
from functions.domain.databases import SharedDb
from functions.domain.event_path import publishing
from functions.domain.event_path.event_types import EventTypeUnknown
from functions.domain.event_path.publishing import ChannelReserved, EventIdTaken, EventInvalid, Notify, SourceReserved
from functions.runtime.callers import Broker
from functions.runtime.endpoint import endpoint
from functions.runtime.shapes import Body, Reply

Attribute = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!#$&-~]+$")]

MAX_BODY: Final = 1024 * 1024
"""Bytes."""


class NewEvent(Body):
    """The event. What it is about follows from its data."""

    type: Annotated[Attribute, Field(description="A type of the catalog.", examples=["com.botberi.agent.created.v1"])]
    data: Annotated[
        dict[str, Any],
        Field(
            description="What the schema of the type asks for.",
            examples=[{"agent_id": "agt_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f", "slug": "echo"}],
        ),
    ]
    id: Annotated[Attribute | None, Field(description="Unique within the source; without it, a new one.")] = None
    source: Annotated[
        Attribute | None, Field(description="Your system; without it, your account.", examples=["/example/crm"])
    ] = None
    channel: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z][a-z0-9_]{0,62}$",
            description="Address it to Postgres: it becomes a NOTIFY on this channel of shared_psql, and nothing else.",
            examples=["orders"],
        ),
    ] = None


class Receipt(Reply):
    """Where the event went."""

    id: str
    source: str
    type: str
    subject: str
    known: Annotated[bool, Field(description="It was published before, and nothing happened this time.")]
    exchange: Annotated[str, Field(description="Of RabbitMQ; empty for the default one.")]
    routing_key: str


@endpoint(
    "POST",
    "/v1/events",
    status=202,
    refusals=(EventTypeUnknown, EventInvalid, EventIdTaken, SourceReserved, ChannelReserved),
    max_body=MAX_BODY,
)
def publish_event(caller: Broker, event: NewEvent, db: SharedDb) -> Receipt:
    """Whoever subscribes to its type gets it, events about one subject in the order in which they were published."""
    published = publishing.publish(
        db,
        event.type,
        event.data,
        event_id=event.id or new_id("evt"),
        source=event.source or f"/accounts/{caller.id}",
        notify=Notify(NOTIFY_QUEUE, event.channel) if event.channel else None,
    )
    exchange, key = ("", NOTIFY_QUEUE) if event.channel else (EXCHANGE, published.type)
    return Receipt(**vars(published), exchange=exchange, routing_key=key)
