"""POST /v1/instances/{instance_id}/a2a/rest/tasks/{task_id}:subscribe: follow a task as Server-Sent Events."""

from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import RestBinding, RestErrors
from functions.runtime.a2a.following import TaskStream
from functions.runtime.a2a.operations import ERRORS, Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/a2a/rest/tasks/{task_id}:subscribe",
    errors=ERRORS,
    resources=operations.FOLLOWING,
    protocol=RestErrors(),
    audited=False,
)
def subscribe_a2a_task(
    caller: User,
    instance_id: InstanceId,
    task_id: str,
    asked: A2ARequest,
    transactions: RunTransactions,
) -> TaskStream:
    """Stream from the task as it is until it ends."""
    asker = Asker(caller, instance_id, asked, transactions, RestBinding())
    return operations.subscribe_to_task(asker, {"id": task_id})
