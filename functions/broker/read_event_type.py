"""GET /v1/event-types/{event_type}: one type of the catalog, with its schema and an example."""

from typing import Annotated, Any

from pydantic import Field

from functions.domain.event_path import event_types
from functions.domain.event_path.event_types import EventTypeUnknown
from functions.runtime.callers import Broker
from functions.runtime.endpoint import endpoint
from functions.runtime.shapes import Reply


class OneEventType(Reply):
    """What can happen."""

    type: str
    description: str
    source: Annotated[str, Field(description="Who says it, when nobody publishes it over HTTP.")]
    subject_field: Annotated[str, Field(description="The field of the data that the event is about.")]
    dataschema: Annotated[str, Field(description="Where the schema is, below the address of this API.")]
    data_schema: Annotated[dict[str, Any], Field(description="JSON Schema 2020-12 of the data.")]
    example: Annotated[dict[str, Any], Field(description="A whole event, in CloudEvents' structured JSON.")]


@endpoint("GET", "/v1/event-types/{event_type}", refusals=(EventTypeUnknown,))
def read_event_type(_caller: Broker, event_type: str) -> OneEventType:
    """Types are versioned: `com.botberi.<noun>.<past participle>.v<N>`."""
    return OneEventType.model_validate(event_types.describe(event_type))
