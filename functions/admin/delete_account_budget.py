"""DELETE /v1/admin/accounts/{account_id}/budget: take the limit away that an account's runs were given."""

from functions.domain.databases import SharedDb
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import BudgetChangedMeanwhile, Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Support
from functions.runtime.providers.if_match import IfMatch
from functions.schemas.accounts import AccountId
from functions.schemas.budgets import terms_told
from functions.schemas.reasons import ReasonGiven
from shared_psql_models.budgets import SetBy


@endpoint("DELETE", "/v1/admin/accounts/{account_id}/budget", status=204, errors=(BudgetChangedMeanwhile,))
def delete_account_budget(
    _caller: Support, account_id: AccountId, query: ReasonGiven, etags: IfMatch, audit: Audit, db: SharedDb
) -> None:
    """Leave the budgets as they are that its owner has set."""
    audit.changed(terms_told(budget_changes.find(db, Whose(account_id, set_by=SetBy.ADMINISTRATOR))), None)
    budget_changes.remove(db, Whose(account_id, set_by=SetBy.ADMINISTRATOR), etags, reason=query.reason)
