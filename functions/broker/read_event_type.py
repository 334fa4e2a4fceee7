"""GET /v1/event-types/{event_type}: one type of the catalog, with its schema and an example."""

from functions.domain.event_path import event_types
from functions.domain.event_path.event_types import EventTypeUnknown
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerReader
from functions.schemas.base import Cached
from functions.schemas.event_types import EventType


@endpoint("GET", "/v1/event-types/{event_type}", errors=(EventTypeUnknown,))
def read_event_type(_caller: BrokerReader, event_type: str) -> Cached[EventType]:
    """Types are versioned: `com.botberi.<noun>.<past participle>.v<N>`."""
    found = EventType.model_validate(event_types.describe(event_type))
    return Cached[EventType](found.model_dump_json())
