"""GET /v1/instances/{instance_id}/v1/responses/{response_id}: a response of Open Responses, or its events."""

from functions.domain.runs.reading import Of
from functions.runtime import open_responses
from functions.runtime.endpoint import endpoint
from functions.runtime.open_responses import PROTOCOL, RESOURCES, ResponseNotFound, ResponseObject, ResponseStream
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId
from functions.schemas.open_responses import ResponseQuery


@endpoint(
    "GET",
    "/v1/instances/{instance_id}/v1/responses/{response_id}",
    errors=(ResponseNotFound,),
    resources=RESOURCES,
    protocol=PROTOCOL,
)
def read_response(
    caller: User, instance_id: InstanceId, response_id: str, query: ResponseQuery, transactions: RunTransactions
) -> ResponseObject | ResponseStream:
    """With `stream` its events come with the numbers that they have had before, and new ones as they happen."""
    with transactions() as db:
        named, run = open_responses.find(db, response_id, Of(caller.id, instance_id))
        translator = open_responses.read(db, named, run)
    if query.stream:
        return open_responses.streamed(transactions, caller, named, run, after=query.starting_after)
    return ResponseObject(translator.response())
