"""DELETE /v1/instances/{instance_id}/budget: take the limit away that was set for an instance's runs."""

from functions.domain.databases import SharedDb
from functions.domain.instances import reading
from functions.domain.instances.reading import InstanceNotFound
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import BudgetChangedMeanwhile, Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import User
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.budgets import terms_told
from functions.schemas.instance_ids import InstanceId


@endpoint("DELETE", "/v1/instances/{instance_id}/budget", status=204, errors=(InstanceNotFound, BudgetChangedMeanwhile))
def delete_instance_budget(caller: User, instance_id: InstanceId, etags: IfMatch, audit: Audit, db: SharedDb) -> None:
    """Leave the account's budgets as they are."""
    reading.find(db, instance_id, owner_id=caller.id)
    audit.changed(terms_told(budget_changes.find(db, Whose(caller.id, instance_id))), None)
    budget_changes.remove(db, Whose(caller.id, instance_id), etags)
