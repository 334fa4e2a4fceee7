"""PUT /v1/me/budget: limit what the caller's runs may be and cost."""

from functions.domain.api_errors import Invalid
from functions.domain.databases import SharedDb
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import BudgetChangedMeanwhile, Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import User
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.budgets import BudgetTerms, RunBudget


@endpoint("PUT", "/v1/me/budget", errors=(Invalid, BudgetChangedMeanwhile))
def set_budget(caller: User, etags: IfMatch, wanted: BudgetTerms, audit: Audit, db: SharedDb) -> RunBudget:
    """Refuse a run for which there is no room, from now on. What is spent stays spent."""
    audit.was(RunBudget.of(budget_changes.find(db, Whose(caller.id))))
    return RunBudget.of(budget_changes.change(db, Whose(caller.id), wanted.terms(), etags))
