"""DELETE /v1/instances/{instance_id}/a2a/rest/tasks/{task_id}/pushNotificationConfigs/{config_id}: be told no more."""

from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import RestBinding, RestErrors, Result
from functions.runtime.a2a.operations import ERRORS, Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "DELETE",
    "/v1/instances/{instance_id}/a2a/rest/tasks/{task_id}/pushNotificationConfigs/{config_id}",
    errors=ERRORS,
    resources=operations.BRIEF,
    protocol=RestErrors(),
)
def delete_a2a_push_config(
    caller: User,
    instance_id: InstanceId,
    task_id: str,
    config_id: str,
    asked: A2ARequest,
    transactions: RunTransactions,
) -> Result:
    """Answer the same whether there was one or not."""
    asker = Asker(caller, instance_id, asked, transactions, RestBinding())
    return operations.delete_push_config(asker, {"taskId": task_id, "id": config_id})
