"""GET /v1/instances/{instance_id}/a2a/rest/tasks/{task_id}/pushNotificationConfigs: everywhere a task is told."""

from functions.domain.a2a.requests import ListPushConfigs
from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import RestBinding, RestErrors, Result
from functions.runtime.a2a.operations import ERRORS, Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


class ListPushConfigsQuery(A2ARequest):
    """What a request says, with its query."""

    params = ListPushConfigs


@endpoint(
    "GET",
    "/v1/instances/{instance_id}/a2a/rest/tasks/{task_id}/pushNotificationConfigs",
    errors=ERRORS,
    resources=operations.BRIEF,
    protocol=RestErrors(),
)
def find_a2a_push_configs(
    caller: User, instance_id: InstanceId, task_id: str, asked: ListPushConfigsQuery, transactions: RunTransactions
) -> Result:
    """Return all of them, without what is secret in them."""
    asker = Asker(caller, instance_id, asked, transactions, RestBinding())
    return operations.list_push_configs(asker, {**asked.query, "taskId": task_id})
