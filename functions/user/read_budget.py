"""GET /v1/me/budget: what the caller's runs may be and cost, and what that has come to."""

from functions.domain.databases import SharedDb
from functions.domain.runs import budget_changes
from functions.domain.runs.budget_changes import Whose
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.budgets import AccountBudget, RunBudget
from shared_psql_models.budgets import SetBy


@endpoint("GET", "/v1/me/budget")
def read_budget(caller: User, db: SharedDb) -> AccountBudget:
    """Show it with the ETag to send as `If-Match` when you change it. Who has set none reads one without limits."""
    own = RunBudget.of(budget_changes.find(db, Whose(caller.id)))
    given = RunBudget.of(budget_changes.find(db, Whose(caller.id, set_by=SetBy.ADMINISTRATOR)))
    return AccountBudget(**dict(own), given=given)
