"""PUT /v1/admin/accounts/{account_id}/budget: limit what an account's runs may be and cost."""

from functions.domain.api_errors import Invalid
from functions.domain.databases import SharedDb
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import BudgetChangedMeanwhile, Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Support
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.accounts import AccountId
from functions.schemas.budgets import GivenBudget, RunBudget
from shared_psql_models.budgets import SetBy


@endpoint("PUT", "/v1/admin/accounts/{account_id}/budget", errors=(Invalid, BudgetChangedMeanwhile))
def set_account_budget(
    _caller: Support, account_id: AccountId, etags: IfMatch, wanted: GivenBudget, audit: Audit, db: SharedDb
) -> RunBudget:
    """Refuse a run for which there is no room, from now on. What is spent stays spent."""
    whose = Whose(account_id, set_by=SetBy.ADMINISTRATOR)
    audit.was(RunBudget.of(budget_changes.find(db, whose)))
    return RunBudget.of(budget_changes.change(db, whose, wanted.terms(), etags, reason=wanted.reason))
