"""GET /v1/event-types/{event_type}/schema: the JSON Schema that `dataschema` of an event points at."""

import json

from pydantic import ConfigDict

from events.contracts import contracts
from functions.domain.event_path import event_types
from functions.domain.event_path.event_types import EventTypeUnknown
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Cached, Reply


class EventSchema(Reply):
    """JSON Schema 2020-12 of the data of the event type."""

    model_config = ConfigDict(extra="allow")


@endpoint("GET", "/v1/event-types/{event_type}/schema", errors=(EventTypeUnknown,))
def read_event_schema(event_type: str) -> Cached[EventSchema]:
    """Open to everybody who reads an event. Within a version it changes only by what no consumer has to know of."""
    text = json.dumps(contracts.schema(event_types.find(event_type)))
    return Cached[EventSchema](text)
