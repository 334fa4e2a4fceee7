"""POST /v1/instances/{instance_id}/a2a/rest/message:stream: say something, and follow the task."""

from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import Message, RestBinding, RestErrors
from functions.runtime.a2a.following import TaskStream
from functions.runtime.a2a.operations import SEALING_ERRORS, Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/a2a/rest/message:stream",
    errors=SEALING_ERRORS,
    resources=operations.SENDING,
    protocol=RestErrors(),
    max_body=operations.MAX_BODY,
    audited=False,
)
def stream_a2a_message(
    caller: User, instance_id: InstanceId, asked: A2ARequest, body: Message, transactions: RunTransactions
) -> TaskStream:
    """Stream until the task ends or asks for something."""
    asker = Asker(caller, instance_id, asked, transactions, RestBinding())
    return operations.send_streaming_message(asker, body.value)
