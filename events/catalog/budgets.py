"""Events about budgets of runs, from shared_psql."""

from typing import Annotated

from pydantic import Field

from events.event import Event


class BudgetNearlySpent(
    Event,
    type="com.botberi.budget.nearly_spent.v1",
    subject="budget_id",
    produced_by=("shared_psql/user", "shared_psql/runner"),
):
    """Four fifths of a budget are spent.

    Said once a day or month, as the budget has it; again if it was raised meanwhile, and is nearly spent all the same.
    """

    budget_id: str
    """The budget, `bud_…`."""
    owner_id: str
    """The account whose runs it limits, `usr_…`."""
    instance_id: str | None
    """The instance that it is for, `ins_…`; null for that of the whole account."""
    set_by: str
    """Who can raise it: `owner`, or `administrator`."""
    period: str
    """`day` or `month`, in UTC."""
    begins: Annotated[str, Field(examples=["2026-11-01"])]
    """The first day of what is counted."""
    renews: Annotated[str, Field(examples=["2026-12-01"])]
    """The day with which it is counted anew."""
    runs: int | None
    """How many there may be; null for no limit."""
    spent_runs: int
    """How many there have been, those under way among them."""
    cost: Annotated[str | None, Field(examples=["20"])]
    """What they may cost together; null for no limit."""
    spent_cost: Annotated[str, Field(examples=["16.25"])]
    """What those have cost that have ended."""


class BudgetChanged(
    Event,
    type="com.botberi.budget.changed.v1",
    subject="budget_id",
    produced_by=("shared_psql/user", "shared_psql/admin"),
):
    """Somebody set, changed or took away a budget.

    Said when that is so; what is spent stays spent.
    """

    budget_id: str
    """The budget, `bud_…`."""
    owner_id: str
    """The account whose runs it limits, `usr_…`."""
    instance_id: str | None
    """The instance that it is for, `ins_…`; null for that of the whole account."""
    set_by: str
    """Whose it is to change: `owner`, or `administrator`."""
    period: str
    """`day` or `month`, in UTC."""
    runs: int | None
    """How many there may be; null for no limit."""
    cost: Annotated[str | None, Field(examples=["20"])]
    """What they may cost together; null for no limit."""
    cost_per_run: Annotated[str | None, Field(examples=["0.5"])]
    """What is reserved of that for each run until it ends."""
    reason: str
    """Why, in the words of the administrator who did it; empty where its owner did."""
