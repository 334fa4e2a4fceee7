"""GET /v1/event-types: the catalog of events, each with its schema and an example, by name."""

from functions.domain.event_path import event_types
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import BrokerReader
from functions.schemas.base import Cached, Page, PageQuery
from functions.schemas.event_types import EventType


@endpoint("GET", "/v1/event-types")
def list_event_types(_caller: BrokerReader, query: PageQuery) -> Cached[Page[EventType]]:
    """Types are versioned: what would break a consumer is a new version beside the old."""
    rows = event_types.described(query.after(), query.limit + 1)
    page = query.page(rows, EventType, key="type")
    return Cached[Page[EventType]](page.model_dump_json())
