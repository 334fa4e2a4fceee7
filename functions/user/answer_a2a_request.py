"""POST /v1/instances/{instance_id}/a2a/rpc: every operation of A2A by JSON-RPC."""

from functions.runtime.a2a import operations, rpc
from functions.runtime.a2a.bindings import Request, Response, RpcErrors
from functions.runtime.a2a.following import Awaited, TaskStream
from functions.runtime.a2a.operations import SEALING_ERRORS
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/a2a/rpc",
    errors=SEALING_ERRORS,
    resources=operations.ANY,
    protocol=RpcErrors(),
    max_body=operations.MAX_BODY,
    audited=False,
)
def answer_a2a_request(
    caller: User, instance_id: InstanceId, asked: A2ARequest, body: Request, transactions: RunTransactions
) -> Response | Awaited | TaskStream:
    """Answer as the method does: with a response, or with a stream of them. Errors of A2A are answered with 200."""
    return rpc.answer(caller, instance_id, asked, body.value, transactions)
