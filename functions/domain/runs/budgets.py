"""Budgets: what runs may be and cost in a day or a month, reserved before each begins and settled when it has ended.

Whoever reserves or settles holds the lock on the budget's row until the transaction ends, so that runs that are asked
for at the same time can't spend more together than there is. Rows are locked in one order: an account's budgets before
an instance's.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import func, literal_column, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from events.outbox import emit
from functions.domain.api_errors import Forbidden
from functions.domain.databases import SharedDb
from shared_psql_models.budgets import Budget, Period, SetBy, budgets
from shared_psql_models.runs import Run, runs

NEARLY: Final = Decimal("0.8")
"""The part of a budget of which it is told that it is spent."""

TODAY: Final[ColumnElement[date]] = literal_column("(now() at time zone 'utc')::date").label("today")

COUNTED: Final = ("begins", "count", "spent_runs", "spent_cost", "reserved_runs", "reserved_cost", "nearly_spent")
"""The columns that say what a budget has come to."""


class BudgetExceeded(Forbidden):
    """A budget has no room for another run: `detail` says which, what is spent, when it renews and who can raise it."""


def plain(cost: Decimal) -> str:
    """Return a cost as text, without zeros that say nothing."""
    return f"{cost.normalize():f}"


def begins(period: Period, day: date) -> date:
    """Return the first day of the period in which a day is."""
    return day if period == Period.DAY else day.replace(day=1)


def renews(budget: Budget) -> date:
    """Return the day with which a budget is counted anew."""
    if budget.period == Period.DAY:
        return budget.begins + timedelta(days=1)
    return (budget.begins + timedelta(days=31)).replace(day=1)


def renewed(budget: Budget, today: date) -> Budget:
    """Return a budget as it is on a day: nothing of it is spent or reserved when a period has begun."""
    first = begins(budget.period, today)
    return budget if first <= budget.begins else anew(budget, first)


def anew(budget: Budget, first: date) -> Budget:
    """Return a budget that is counted from a day on: what was reserved before is no part of it any more."""
    nothing = {"spent_runs": 0, "spent_cost": Decimal(0), "reserved_runs": 0, "reserved_cost": Decimal(0)}
    return budget.model_copy(update={"begins": first, "count": budget.count + 1, "nearly_spent": False, **nothing})


def reserved(budget: Budget) -> Budget:
    """Return a budget of which one more run has its share. Raises BudgetExceeded."""
    after = budget.model_copy(
        update={
            "reserved_runs": budget.reserved_runs + 1,
            "reserved_cost": budget.reserved_cost + _share(budget),
        }
    )
    if budget.runs is not None and after.spent_runs + after.reserved_runs > budget.runs:
        raise BudgetExceeded(_refusal(budget, f"{budget.spent_runs} of {budget.runs} runs are spent", "are under way"))
    if budget.cost is not None and after.spent_cost + after.reserved_cost > budget.cost:
        spent, cost, share = plain(budget.spent_cost), plain(budget.cost), plain(_share(budget))
        under_way = f"are under way, for which {plain(budget.reserved_cost)} is reserved"
        raise BudgetExceeded(_refusal(budget, f"{spent} of {cost} is spent, and a run may cost {share}", under_way))
    return after


def _share(budget: Budget) -> Decimal:
    return budget.cost_per_run or Decimal(0)


def settled(budget: Budget, share: Decimal, spent: Decimal | None) -> Budget:
    """Return a budget when a run has ended that had this share of it; `spent` is None if its agent was never called."""
    return budget.model_copy(
        update={
            "reserved_runs": budget.reserved_runs - 1,
            "reserved_cost": budget.reserved_cost - share,
            "spent_runs": budget.spent_runs + (spent is not None),
            "spent_cost": budget.spent_cost + (spent or 0),
        }
    )


def is_nearly_spent(budget: Budget) -> bool:
    """Return whether four fifths are spent: runs that are under way count, and what they may cost doesn't yet."""
    by_runs = budget.runs is not None and budget.spent_runs + budget.reserved_runs >= NEARLY * budget.runs
    return by_runs or (budget.cost is not None and budget.spent_cost >= NEARLY * budget.cost)


def most(run: Run) -> Decimal | None:
    """Return what a run may cost at most; None if no budget says so."""
    shares = run.reservation if isinstance(run.reservation, list) else []
    costs = [Decimal(str(each["cost"])) for each in shares if isinstance(each, dict)]
    return min((cost for cost in costs if cost), default=None)


def left(run: Run) -> Decimal | None:
    """Return what is left of that, by what the run's agent has reported in earlier calls."""
    limit = most(run)
    return None if limit is None else max(Decimal(0), limit - Decimal(str(run.usage.get("cost", 0))))


class Counted(Budget):
    """A budget, locked."""

    today: date


def reserve(db: SharedDb, run: Run) -> None:
    """Reserve a new run's share of every budget that it is under. Raises BudgetExceeded."""
    under = (
        budgets.c.owner_id == run.owner_id,
        func.coalesce(budgets.c.instance_id, run.instance_id) == run.instance_id,
    )
    limited = budgets.c.runs.is_not(None) | budgets.c.cost.is_not(None)
    shares = []
    for budget in _locked(db, *under, limited):
        after = reserved(renewed(budget, budget.today))
        _write(db, budget, after)
        shares.append({"budget": after.id, "count": after.count, "cost": str(_share(after))})
    if shares:
        db.execute(update(runs).where(runs.c.id == run.id).values(reservation=shares))


_TAKE: Final = text(
    """
    update runs set reservation = null from runs as before
    where runs.id = :run_id and before.id = runs.id and runs.reservation is not null
    returning before.reservation, runs.attempt > 0 as begun, reported_cost(runs.usage) as cost
    """
)


def settle(db: SharedDb, run: Run) -> None:
    """Count what a run has cost that has just ended, and give back the rest of what it had reserved."""
    if run.reservation is None:
        return
    taken = db.execute(_TAKE, {"run_id": run.id}).first()
    if taken is None:
        return
    shares = {each["budget"]: each for each in taken.reservation}
    for budget in _locked(db, budgets.c.id.in_(list(shares))):
        share = shares[budget.id]
        # Counted anew meanwhile: what is counted now has nothing of this run.
        if share["count"] == budget.count:
            _write(db, budget, settled(budget, Decimal(share["cost"]), taken.cost if taken.begun else None))


def _locked(db: SharedDb, *where: ColumnElement[bool]) -> list[Counted]:
    query = select(budgets, TODAY).where(*where).order_by(budgets.c.instance_id.nulls_first(), budgets.c.set_by)
    return [Counted.of(row) for row in db.execute(query.with_for_update()).mappings()]


def _write(db: SharedDb, before: Budget, after: Budget) -> None:
    """Write what a budget has come to, and tell it once if it is nearly spent."""
    if is_nearly_spent(after) and not after.nearly_spent:
        after = after.model_copy(update={"nearly_spent": True})
        _tell(db, after)
    changed = {name: value for name in COUNTED if (value := getattr(after, name)) != getattr(before, name)}
    if changed:
        db.execute(update(budgets).where(budgets.c.id == after.id).values(changed))


def _tell(db: SharedDb, budget: Budget) -> None:
    from events.catalog.budgets import BudgetNearlySpent

    emit(
        db,
        BudgetNearlySpent(
            budget_id=budget.id,
            owner_id=budget.owner_id,
            instance_id=budget.instance_id,
            set_by=budget.set_by,
            period=budget.period,
            begins=str(budget.begins),
            renews=str(renews(budget)),
            runs=budget.runs,
            spent_runs=budget.spent_runs + budget.reserved_runs,
            cost=None if budget.cost is None else plain(budget.cost),
            spent_cost=plain(budget.spent_cost),
        ),
    )


_WHICH: Final[Mapping[tuple[SetBy, bool], tuple[str, str]]] = {
    (SetBy.OWNER, False): ("Your account's budget", "You can raise it yourself: PUT /v1/me/budget"),
    (SetBy.OWNER, True): (
        "This instance's budget",
        "You can raise it yourself: PUT /v1/instances/{instance_id}/budget",
    ),
    (SetBy.ADMINISTRATOR, False): (
        "The budget that your account was given",
        "Whoever runs this service can raise it",
    ),
}
"""How a budget is called, and who can raise it, by who has set it and whether it is an instance's."""


def _refusal(budget: Budget, spent: str, under_way: str) -> str:
    which, who = _WHICH[budget.set_by, budget.instance_id is not None]
    more = f", and {budget.reserved_runs} {under_way}" if budget.reserved_runs else ""
    return (
        f"{which} of this {budget.period} has no room for another run: {spent}{more}. "
        f"It renews on {renews(budget)} (UTC). {who.format(instance_id=budget.instance_id)}."
    )
