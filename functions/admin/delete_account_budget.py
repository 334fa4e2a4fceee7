"""DELETE /v1/admin/accounts/{account_id}/budget: take the limit away that an account's runs were given."""

from functions.domain.databases import SharedDb
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import BudgetChangedMeanwhile, Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.accounts import AccountId
from functions.schemas.reasons import ReasonGiven
from shared_psql_models.budgets import SetBy


@endpoint("DELETE", "/v1/admin/accounts/{account_id}/budget", status=204, errors=(BudgetChangedMeanwhile,))
def delete_account_budget(
    _caller: Support, account_id: AccountId, query: ReasonGiven, etags: IfMatch, db: SharedDb
) -> None:
    """Leave the budgets as they are that its owner has set."""
    budget_changes.remove(db, Whose(account_id, set_by=SetBy.ADMINISTRATOR), etags, reason=query.reason)
