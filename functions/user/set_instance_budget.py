"""PUT /v1/instances/{instance_id}/budget: limit what an instance's runs may be and cost."""

from functions.domain.api_errors import Invalid
from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import BudgetChangedMeanwhile, Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import User
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.budgets import BudgetTerms, RunBudget
from functions.schemas.instance_ids import InstanceId


@endpoint("PUT", "/v1/instances/{instance_id}/budget", errors=(InstanceNotFound, Invalid, BudgetChangedMeanwhile))
def set_instance_budget(
    caller: User, instance_id: InstanceId, etags: IfMatch, wanted: BudgetTerms, audit: Audit, db: SharedDb
) -> RunBudget:
    """Refuse a run for which there is no room, from now on. What is spent stays spent."""
    reading.find(db, instance_id, owner_id=caller.id)
    audit.was(RunBudget.of(budget_changes.find(db, Whose(caller.id, instance_id))))
    return RunBudget.of(budget_changes.change(db, Whose(caller.id, instance_id), wanted.terms(), etags))
