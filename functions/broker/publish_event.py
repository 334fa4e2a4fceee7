"""POST /v1/events: publish an event of the catalog, once for each source and id."""

from typing import Annotated

from pydantic import Field

from core.ids import new_id
from events.broker.bus import NOTIFY_QUEUE
from functions.domain.databases import SharedDb
from functions.domain.event_path import publishing
from functions.domain.event_path.publishing import API_ERRORS, Draft
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Publisher
from functions.schemas.base import Body
from functions.schemas.cloud_events import MAX_BODY, Attribute, Channel, CloudEventBody, Data, Receipt


class NewEvent(Body):
    """The event. What it is about follows from its data."""

    type: Annotated[Attribute, Field(description="A type of the catalog.", examples=["com.botberi.record.changed.v1"])]
    data: Data
    id: Annotated[Attribute | None, Field(description="Unique within the source; without it, a new one.")] = None
    source: Annotated[
        Attribute | None,
        Field(description="Your system; without it, the first that you were given.", examples=["/example/crm"]),
    ] = None
    channel: Channel = None


@endpoint(
    "POST",
    "/v1/events",
    status=202,
    errors=API_ERRORS,
    max_body=MAX_BODY,
    audited=False,
)
def publish_event(caller: Publisher, event: NewEvent | CloudEventBody, db: SharedDb) -> Receipt:
    """Whoever subscribes to its type gets it, events about one subject in the order in which they were published."""
    principal = caller.principal()
    if isinstance(event, CloudEventBody):
        draft = event.draft()
    else:
        source = event.source or principal.sources[0]
        draft = Draft(event.type, event.data, id=event.id or new_id("evt"), source=source, channel=event.channel)
    return Receipt.of(publishing.publish(db, principal, draft, NOTIFY_QUEUE))
