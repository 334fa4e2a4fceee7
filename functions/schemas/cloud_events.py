"""CloudEvents that are published over HTTP, and the receipt for each: the shapes that several endpoints share."""

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from events import subscriptions
from events.broker.bus import EXCHANGE, NOTIFY_QUEUE
from events.wire import (
    ATTRIBUTE,
    BATCH_CONTENT_TYPE,
    CHANNEL,
    CONTENT_TYPE,
    MAX_EVENT_BYTES,
    TRACEPARENT,
    NotAnEventError,
    check_time,
    is_json,
    whole,
)
from functions.domain.event_path.publishing import Draft, Published
from functions.schemas.base import Body, ListBody, Reply

MAX_BODY: Final = MAX_EVENT_BYTES
"""Bytes of an event, and of all events of a batch together."""

MAX_EVENTS: Final = 500
"""Events of a batch."""

Attribute = Annotated[str, Field(min_length=1, max_length=200, pattern=whole(ATTRIBUTE))]

Channel = Annotated[
    str | None,
    Field(
        pattern=whole(CHANNEL),
        description="Address it to Postgres: it becomes a NOTIFY on this channel of shared_psql, and nothing else.",
        examples=["orders"],
    ),
]

Data = Annotated[
    dict[str, object],
    Field(
        description="What the schema of the type asks for.",
        examples=[{"record_id": "customer-4711", "kind": "customer", "change": "updated"}],
    ),
]


def _with_zone(text: str) -> str:
    try:
        check_time(text)
    except NotAnEventError:
        raise PydanticCustomError("time", "A time is a date, a time and a zone, as RFC 3339 writes them.") from None
    return text


def _json_type(text: str) -> str:
    if not is_json(text):
        raise PydanticCustomError(
            "datacontenttype", "The data is JSON: application/json, or a type that ends in +json."
        )
    return text


ItsOwn = Annotated[object, Field(description="Botberi sets its own.")]


class CloudEventBody(Body):
    """A CloudEvent 1.0: its JSON, or in binary mode its data as JSON and its attributes in `ce-` headers.

    Extensions that aren't named here are taken, and left out of what is sent on.
    """

    model_config = ConfigDict(extra="ignore")

    media_type: ClassVar[str] = CONTENT_TYPE
    binary: ClassVar[bool] = True

    specversion: Literal["1.0"]
    id: Annotated[Attribute, Field(description="Unique within the source.", examples=["order-4711"])]
    source: Annotated[Attribute, Field(description="Your system.", examples=["/example/crm"])]
    type: Annotated[Attribute, Field(description="A type of the catalog.", examples=["com.botberi.record.changed.v1"])]
    data: Data
    subject: Annotated[Attribute | None, Field(description="It follows from the data, and must not differ.")] = None
    channel: Channel = None
    traceparent: Annotated[
        str | None,
        Field(pattern=whole(TRACEPARENT), description="The trace that it belongs to, if not the request's."),
    ] = None
    correlationid: Annotated[Attribute | None, Field(description="Of the chain of events that it belongs to.")] = None
    causationid: Annotated[Attribute | None, Field(description="The id of the event that caused it.")] = None
    datacontenttype: Annotated[
        Annotated[str, AfterValidator(_json_type)] | None,
        Field(description="Of JSON: `application/json`, with parameters or not, or a type that ends in `+json`."),
    ] = None
    data_base64: Annotated[None, Field(description="The data is JSON.")] = None
    time: Annotated[
        Annotated[str, AfterValidator(_with_zone)] | None,
        Field(
            description="The event that Botberi sends on has the time at which it was published.",
            json_schema_extra={"format": "date-time"},
        ),
    ] = None
    dataschema: ItsOwn = None
    sequence: ItsOwn = None
    partitionkey: ItsOwn = None
    actor: Annotated[object, Field(description="Botberi names your account or publisher.")] = None

    def draft(self) -> Draft:
        """Return the event as a draft to publish."""
        return Draft(
            self.type,
            self.data,
            id=self.id,
            source=self.source,
            subject=self.subject,
            channel=self.channel,
            traceparent=self.traceparent,
            correlationid=self.correlationid,
            causationid=self.causationid,
        )


class BatchBody(ListBody[CloudEventBody]):
    """CloudEvents as a JSON array."""

    root: Annotated[list[CloudEventBody], Field(max_length=MAX_EVENTS)]
    media_type: ClassVar[str] = BATCH_CONTENT_TYPE


class Receipt(Reply):
    """Where an event went."""

    id: str
    source: str
    type: str
    subject: str
    duplicate: Annotated[bool, Field(description="It was published before, and nothing happened this time.")]
    exchange: Annotated[str, Field(description="Of RabbitMQ; empty for the default one.")]
    routing_key: str
    queues: Annotated[list[str], Field(description="Those that the subscribers of its type listen to.")]
    database: Annotated[str | None, Field(description="Where it becomes a NOTIFY, if it is addressed to Postgres.")]
    channel: str | None

    @classmethod
    def of(cls, published: Published) -> Self:
        """Build the receipt."""
        if published.channel is not None:
            way = {"exchange": "", "routing_key": NOTIFY_QUEUE, "queues": [NOTIFY_QUEUE], "database": "shared_psql"}
            return cls(**vars(published), **way)
        queues = subscriptions.queues_for(published.type)
        return cls(**vars(published), exchange=EXCHANGE, routing_key=published.type, queues=queues, database=None)
