"""GET /v1/admin/accounts/{account_id}/budget: what an account's runs may be and cost, and what that has come to."""

from functions.domain.databases import SharedDb
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.accounts import AccountId
from functions.schemas.budgets import RunBudget
from shared_psql_models.budgets import SetBy


@endpoint("GET", "/v1/admin/accounts/{account_id}/budget")
def read_account_budget(_caller: Support, account_id: AccountId, db: SharedDb) -> RunBudget:
    """Show the one that the account was given; its owner's own hold beside it. No account has none: it is no 404."""
    return RunBudget.of(budget_changes.find(db, Whose(account_id, set_by=SetBy.ADMINISTRATOR)))
