"""GET /v1/admin/instances/{instance_id}/logs: what anybody's agent writes, newest first, or as it comes."""

from functions.domain.instances import reading
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime import instance_logs
from functions.runtime.endpoint import endpoint
from functions.runtime.event_stream import EventStream
from functions.runtime.providers.callers import Support
from functions.runtime.providers.databases import SharedTransactions
from functions.runtime.providers.streaming import StreamRequest
from functions.schemas.base import Page
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instance_logs import InstanceLogLine, LogQuery


@endpoint(
    "GET",
    "/v1/admin/instances/{instance_id}/logs",
    errors=(InstanceNotFound,),
    resources=instance_logs.RESOURCES,
)
def list_any_instance_logs(
    _caller: Support, instance_id: InstanceId, query: LogQuery, asked: StreamRequest, transaction: SharedTransactions
) -> Page[InstanceLogLine] | EventStream:
    """Secrets of the instance are masked, for administrators too.

    With `Accept: text/event-stream` the newest lines come first, and then new ones as they are written: each is an
    event whose id is its `sequence`. A stream lasts twenty seconds. Open the next with `Last-Event-ID`, as EventSource
    does by itself, and no line is missed.
    """
    with transaction() as db:
        reading.find(db, instance_id)
        return instance_logs.answer(db, transaction, instance_id, query, asked)
