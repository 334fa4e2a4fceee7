"""POST /v1/instances/{instance_id}/v1/responses/{response_id}/cancel: end a response before it is complete."""

from contextlib import suppress

from functions.domain.runs import commands
from functions.domain.runs.commands import RunEnded
from functions.domain.runs.reading import Of
from functions.runtime import open_responses
from functions.runtime.endpoint import endpoint
from functions.runtime.open_responses import PROTOCOL, RESOURCES, ResponseNotFound, ResponseObject
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.waiting import Waiting
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/v1/responses/{response_id}/cancel",
    errors=(ResponseNotFound,),
    resources=RESOURCES,
    protocol=PROTOCOL,
    audited=False,
)
def cancel_response(
    caller: User, instance_id: InstanceId, response_id: str, transactions: RunTransactions
) -> ResponseObject | Waiting:
    """Return it when it has ended. One that has ended stays as it is."""
    of = Of(caller.id, instance_id)
    with transactions() as db:
        named, run = open_responses.find(db, response_id, of)
        translator = open_responses.read(db, named, run)
        if translator.ended:
            return ResponseObject(translator.response())
        with suppress(RunEnded):
            commands.cancel(db, run.id, of)
    return open_responses.waited(transactions, named)
