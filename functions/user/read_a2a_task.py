"""GET /v1/instances/{instance_id}/a2a/rest/tasks/{task_id}: one task."""

from functions.domain.a2a.requests import GetTask
from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import RestBinding, RestErrors, Result
from functions.runtime.a2a.operations import ERRORS, Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


class GetTaskQuery(A2ARequest):
    """What a request says, with its query."""

    params = GetTask


@endpoint(
    "GET",
    "/v1/instances/{instance_id}/a2a/rest/tasks/{task_id}",
    errors=ERRORS,
    resources=operations.BRIEF,
    protocol=RestErrors(),
)
def read_a2a_task(
    caller: User, instance_id: InstanceId, task_id: str, asked: GetTaskQuery, transactions: RunTransactions
) -> Result:
    """Return it as it is now."""
    asker = Asker(caller, instance_id, asked, transactions, RestBinding())
    return operations.get_task(asker, {**asked.query, "id": task_id})
