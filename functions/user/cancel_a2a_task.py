"""POST /v1/instances/{instance_id}/a2a/rest/tasks/{task_id}:cancel: cancel a task."""

from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import RestBinding, RestErrors, Result
from functions.runtime.a2a.following import Awaited
from functions.runtime.a2a.operations import ERRORS, Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/a2a/rest/tasks/{task_id}:cancel",
    errors=ERRORS,
    resources=operations.FOLLOWING,
    protocol=RestErrors(),
    audited=False,
)
def cancel_a2a_task(
    caller: User,
    instance_id: InstanceId,
    task_id: str,
    asked: A2ARequest,
    transactions: RunTransactions,
) -> Result | Awaited:
    """Return it as it is a moment later: an agent that is at work has to end first."""
    asker = Asker(caller, instance_id, asked, transactions, RestBinding())
    return operations.cancel_task(asker, {"id": task_id})
