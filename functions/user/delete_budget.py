"""DELETE /v1/me/budget: take the limit away that the caller has set for their runs."""

from functions.domain.databases import SharedDb
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import BudgetChangedMeanwhile, Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import User
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.budgets import terms_told


@endpoint("DELETE", "/v1/me/budget", status=204, errors=(BudgetChangedMeanwhile,))
def delete_budget(caller: User, etags: IfMatch, audit: Audit, db: SharedDb) -> None:
    """Leave alone the one that the account was given by whoever runs this service."""
    audit.changed(terms_told(budget_changes.find(db, Whose(caller.id))), None)
    budget_changes.remove(db, Whose(caller.id), etags)
