"""GET /v1/instances/{instance_id}/a2a/rest/tasks: tasks of the instance, the one whose status changed last first."""

from functions.domain.a2a.requests import ListTasks
from functions.runtime.a2a import operations
from functions.runtime.a2a.bindings import RestBinding, RestErrors, Result
from functions.runtime.a2a.operations import ERRORS, Asker
from functions.runtime.a2a.request import A2ARequest
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.schemas.instance_ids import InstanceId


class ListTasksQuery(A2ARequest):
    """What a request says, with its query."""

    params = ListTasks


@endpoint(
    "GET",
    "/v1/instances/{instance_id}/a2a/rest/tasks",
    errors=ERRORS,
    resources=operations.BRIEF,
    protocol=RestErrors(),
)
def find_a2a_tasks(
    caller: User, instance_id: InstanceId, asked: ListTasksQuery, transactions: RunTransactions
) -> Result:
    """Return a page of them; without artifacts unless `includeArtifacts` asks for these."""
    asker = Asker(caller, instance_id, asked, transactions, RestBinding())
    return operations.list_tasks(asker, {**asked.query})
