"""POST /v1/events/batch: publish a batch of CloudEvents, all of them or none, each once for its source and id."""

from events.broker.bus import NOTIFY_QUEUE
from functions.domain.databases import SharedDb
from functions.domain.event_path import publishing
from functions.domain.event_path.publishing import BatchRefused
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Publisher
from functions.schemas.base import Reply
from functions.schemas.cloud_events import MAX_BODY, BatchBody, Receipt


class Receipts(Reply):
    """Where each event went, in the order of the batch."""

    items: list[Receipt]


@endpoint("POST", "/v1/events/batch", status=202, errors=(BatchRefused,), max_body=MAX_BODY, audited=False)
def publish_events(caller: Publisher, batch: BatchBody, db: SharedDb) -> Receipts:
    """Those about one subject arrive in the order of the batch. When one is refused, every error is named."""
    published = publishing.publish_all(db, caller.principal(), [event.draft() for event in batch.root], NOTIFY_QUEUE)
    return Receipts(items=[Receipt.of(each) for each in published])
