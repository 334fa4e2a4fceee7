"""Budgets as they are set and shown: the shapes that several endpoints have."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field, JsonValue

from functions.domain.api_errors import FieldError, Invalid
from functions.domain.runs import budgets
from functions.domain.runs.budget_changes import NEVER_SET, Terms, terms_of
from functions.schemas.base import Body, Reply
from functions.schemas.reasons import Reason
from functions.schemas.usage import Cost
from shared_psql_models.budgets import Budget, Period

HIGHEST_COST: Final = 10**9

Amount = Annotated[Decimal, Field(ge=0, le=HIGHEST_COST, decimal_places=12)]


class BudgetTerms(Body):
    """What runs may be and cost in a day or a month; null or left out: no limit."""

    period: Annotated[Period, Field(description="In UTC.", examples=["month"])]
    runs: Annotated[int | None, Field(ge=0, le=10**12, description="How many there may be.", examples=[1000])] = None
    cost: Annotated[Amount | None, Field(description="What they may cost together.", examples=["20"])] = None
    cost_per_run: Annotated[
        Amount | None,
        Field(description="What is reserved for each until it ends: what one may cost at most.", examples=["0.5"]),
    ] = None

    def terms(self) -> Terms:
        """Return what they allow. Raises Invalid."""
        if self.runs is None and self.cost is None:
            raise Invalid(errors=[FieldError("/runs", "missing", "Give `runs`, or `cost` and `cost_per_run`.")])
        if (self.cost is None) != (self.cost_per_run is None):
            raise Invalid(errors=[FieldError("/cost_per_run", "missing", "`cost` and `cost_per_run` go together.")])
        if self.cost_per_run is not None and not 0 < self.cost_per_run <= (self.cost or 0):
            message = "Must be more than 0, and not more than `cost`."
            raise Invalid(errors=[FieldError("/cost_per_run", "range", message)])
        return Terms(self.period, self.runs, self.cost, self.cost_per_run)


class GivenBudget(BudgetTerms):
    """What runs of an account may be and cost, and why."""

    reason: Reason


class Share(Reply):
    """A part of a budget."""

    runs: int
    cost: Cost


class RunBudget(Reply):
    """What runs may be and cost in a day or a month, and what that has come to. Null: no limit."""

    period: Annotated[Period | None, Field(description="In UTC; null without a limit.")]
    runs: int | None
    cost: Cost | None
    cost_per_run: Annotated[Cost | None, Field(description="What is reserved for each until it ends.")]
    spent: Annotated[Share, Field(description="By runs that have ended, and whose agent was called.")]
    reserved: Annotated[Share, Field(description="For those that have not.")]
    begins: Annotated[date | None, Field(description="The first day that counts; null without a limit.")]
    renews_at: Annotated[datetime | None, Field(description="When it is counted anew; null without a limit.")]
    row_version: Annotated[int, Field(description="Counts its changes; also its ETag.")]

    def etag(self) -> str:
        """Return the count of its changes."""
        return str(self.row_version)

    @classmethod
    def of(cls, budget: Budget | None) -> Self:
        """Return a budget as it is shown; None is one that nobody has set."""
        if budget is None or not terms_of(budget).limited:
            return cls(
                **dict.fromkeys(("period", "runs", "cost", "cost_per_run", "begins", "renews_at")),
                spent=Share(runs=0, cost=Decimal(0)),
                reserved=Share(runs=0, cost=Decimal(0)),
                row_version=NEVER_SET if budget is None else budget.row_version,
            )
        return cls(
            **vars(terms_of(budget)),
            spent=Share(runs=budget.spent_runs, cost=budget.spent_cost),
            reserved=Share(runs=budget.reserved_runs, cost=budget.reserved_cost),
            begins=budget.begins,
            renews_at=datetime.combine(budgets.renews(budget), time(), UTC),
            row_version=budget.row_version,
        )


class AccountBudget(RunBudget):
    """What the runs of an account may be and cost by its owner's own budget, and by the one that it was given."""

    given: Annotated[RunBudget, Field(description="By whoever runs this service; runs are under both.")]


def terms_told(budget: Budget | None) -> JsonValue:
    """Return what a budget allows, as the audit trail tells it; None for no limit."""
    if budget is None or not terms_of(budget).limited:
        return None
    return RunBudget.of(budget).model_dump(mode="json", include={"period", "runs", "cost", "cost_per_run"})
