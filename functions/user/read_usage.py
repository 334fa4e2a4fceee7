"""GET /v1/me/usage: how much the caller's account has and may have, and what its runs have used."""

from datetime import date
from typing import Annotated, Final

from pydantic import Field

from functions.domain import verified_accounts
from functions.domain.api_errors import FieldError, Invalid
from functions.domain.databases import SharedDb
from functions.domain.instances import quotas
from functions.domain.runs import usage
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Query
from functions.schemas.instance_ids import InstanceId
from functions.schemas.usage import AccountUsage, Usage, UsedByRuns

DAYS: Final = 30
"""That are told of unless somebody says which."""

MOST: Final = 366


class UsageQuery(Query):
    """Which runs."""

    first: Annotated[
        date | None, Field(alias="from", description="The first day, in UTC; without it, the 29th before the last.")
    ] = None
    last: Annotated[date | None, Field(alias="to", description="The last day; without it, today.")] = None
    instance_id: Annotated[InstanceId | None, Field(description="Only this instance's.")] = None

    def days(self) -> tuple[date, date]:
        """Return the first and the last day. Raises Invalid."""
        last = self.last or usage.today()
        first = self.first or date.fromordinal(max(last.toordinal() - DAYS + 1, 1))
        if not 0 <= (last - first).days < MOST:
            raise Invalid(errors=[FieldError("?from", "range", f"From here to the last day are 1 to {MOST} days.")])
        return first, last


@endpoint(
    "GET",
    "/v1/me/usage",
    errors=(Invalid,),
    resources=Resources(settings=(*quotas.SETTINGS, verified_accounts.SETTING)),
)
def read_usage(caller: User, query: UsageQuery, db: SharedDb) -> AccountUsage:
    """Count every instance until its deletion is asked for, and every run whose agent was called once it has ended."""
    first, last = query.days()
    account = Usage.model_validate(quotas.of_account(db, caller.id))
    runs = usage.used(db, caller.id, first, last, instance_id=query.instance_id)
    may_launch = verified_accounts.may_launch(db, caller.id)
    return AccountUsage(usage=account.usage, may_launch=may_launch, runs=UsedByRuns.model_validate(runs))
