"""GET /v1/runs/{run_id}/stream: what happens in a run, as it happens."""

from typing import Annotated

from pydantic import Field

from functions.domain.runs import reading
from functions.domain.runs.reading import Of, RunNotFound
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.providers.streaming import StreamRequest
from functions.runtime.run_stream import RunStream
from functions.schemas.base import Query
from functions.schemas.runs import RunId


class RunStreamQuery(Query):
    """Where to begin."""

    after: Annotated[
        int,
        Field(ge=0, lt=2**63, description="The number of the last event that you have. Last-Event-ID counts more."),
    ] = 0


@endpoint(
    "GET", "/v1/runs/{run_id}/stream", errors=(RunNotFound,), resources=Resources(timeout_seconds=580, max_scale=2)
)
def stream_run(
    caller: User, run_id: RunId, query: RunStreamQuery, streaming: StreamRequest, transactions: RunTransactions
) -> RunStream:
    """Read its events as Server-Sent Events.

    Each has its number as the `id`, its type as the `event` and its data as JSON. What has
    happened comes first; the stream ends when the run does. Come again with `Last-Event-ID`, as EventSource does by
    itself: what followed comes next, each event once. Behind the edge the gateway answers, by 204 when nothing follows.
    """
    with transactions() as db:
        run = reading.find(db, run_id, Of(caller.id))
    last = streaming.last_event_id
    return RunStream(transactions, run.id, caller, after=query.after if last is None else last)
