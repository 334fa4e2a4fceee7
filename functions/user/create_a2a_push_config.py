"""POST /v1/instances/{instance_id}/a2a/rest/tasks/{task_id}/pushNotificationConfigs: be notified of a task."""

from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import PushConfig, RestBinding, RestErrors, Result
from functions.runtime.a2a.operations import SEALING_ERRORS, Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


@endpoint(
    "POST",
    "/v1/instances/{instance_id}/a2a/rest/tasks/{task_id}/pushNotificationConfigs",
    errors=SEALING_ERRORS,
    resources=operations.SEALING,
    protocol=RestErrors(),
)
def create_a2a_push_config(
    caller: User,
    instance_id: InstanceId,
    task_id: str,
    asked: A2ARequest,
    body: PushConfig,
    transactions: RunTransactions,
) -> Result:
    """Return it without what is secret in it. The one with its id, if there is one, is replaced."""
    asker = Asker(caller, instance_id, asked, transactions, RestBinding())
    return operations.create_push_config(asker, {**body.members, "taskId": task_id})
