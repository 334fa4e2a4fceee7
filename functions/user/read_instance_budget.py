"""GET /v1/instances/{instance_id}/budget: what an instance's runs may be and cost, and what that has come to."""

from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.budgets import RunBudget
from functions.schemas.instance_ids import InstanceId


@endpoint("GET", "/v1/instances/{instance_id}/budget", errors=(InstanceNotFound,))
def read_instance_budget(caller: User, instance_id: InstanceId, db: SharedDb) -> RunBudget:
    """Show it with the ETag to send as `If-Match` when you change it. The account's budgets hold beside it."""
    reading.find(db, instance_id, owner_id=caller.id)
    return RunBudget.of(budget_changes.find(db, Whose(caller.id, instance_id)))
