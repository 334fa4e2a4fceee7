"""GET /v1/event-types: the catalog of events, each with its schema and an example, by name."""

from typing import Annotated, Any, cast

from pydantic import Field

from functions.domain.event_path import event_types
from functions.runtime.callers import Broker
from functions.runtime.endpoint import endpoint
from functions.runtime.shapes import Page, PageQuery, Reply


class EventType(Reply):
    """What can happen."""

    type: Annotated[str, Field(examples=["com.botberi.agent.created.v1"])]
    description: str
    source: Annotated[str, Field(description="Who says it, when nobody publishes it over HTTP.")]
    subject_field: Annotated[str, Field(description="The field of the data that the event is about.")]
    dataschema: Annotated[str, Field(description="Where the schema is, below the address of this API.")]
    data_schema: Annotated[dict[str, Any], Field(description="JSON Schema 2020-12 of the data.")]
    example: Annotated[dict[str, Any], Field(description="A whole event, in CloudEvents' structured JSON.")]


@endpoint("GET", "/v1/event-types")
def list_event_types(_caller: Broker, query: PageQuery) -> Page[EventType]:
    """Types are versioned: what would break a consumer is a new version beside the old."""
    rows = event_types.described(query.after(), query.limit + 1)
    return query.page(cast(Any, rows), EventType, key="type")
