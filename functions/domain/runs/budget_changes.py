"""Budgets as people set, read and take them away."""

from collections.abc import Container
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.sql.elements import ColumnElement

from core.ids import new_id
from events.outbox import emit
from functions.domain.api_errors import PreconditionFailed
from functions.domain.databases import SharedDb
from functions.domain.runs import budgets as counting
from functions.domain.runs.budgets import COUNTED, TODAY, Counted
from shared_psql_models.budgets import Budget, Period, SetBy, budgets
from shared_psql_models.run_usage import run_usage

NEVER_SET: Final = 0
"""The row version of a budget that nobody has set."""


class BudgetChangedMeanwhile(PreconditionFailed):
    """This budget has changed since you read it: read it again, then repeat the change with its new ETag."""


@dataclass(frozen=True)
class Whose:
    """Which budget: of an account or of one of its instances, and set by whom."""

    owner_id: str
    instance_id: str | None = None
    set_by: SetBy = SetBy.OWNER

    @property
    def where(self) -> tuple[ColumnElement[bool], ...]:
        """The conditions for its row."""
        return (
            budgets.c.owner_id == self.owner_id,
            budgets.c.instance_id.is_not_distinct_from(self.instance_id),
            budgets.c.set_by == self.set_by,
        )


@dataclass(frozen=True)
class Terms:
    """What there may be in a period; None for no limit."""

    period: Period
    runs: int | None = None
    cost: Decimal | None = None
    cost_per_run: Decimal | None = None

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self.runs is not None or self.cost is not None


def find(db: SharedDb, whose: Whose) -> Budget | None:
    """Return a budget as it is today; None for one that nobody has set, or that was taken away and set anew."""
    row = db.execute(select(budgets, TODAY).where(*whose.where)).mappings().first()
    if row is None:
        return None
    budget = Counted.of(row)
    return counting.renewed(budget, budget.today)


def change(db: SharedDb, whose: Whose, terms: Terms, versions: Container[str], *, reason: str = "") -> Budget:
    """Set a budget in place of what it was, and return it. Raises BudgetChangedMeanwhile.

    What is spent stays spent. One that had no limit, or another period, begins with what the runs have used that ended
    in the period; those that are under way are no part of it.
    """
    before = _locked(db, whose, versions)
    after = _new(db, whose, terms) if before is None else _changed(db, before, terms)
    _tell(db, after, reason)
    return after


def remove(db: SharedDb, whose: Whose, versions: Container[str], *, reason: str = "") -> None:
    """Take a budget away, if there is one. Raises BudgetChangedMeanwhile."""
    before = _locked(db, whose, versions)
    if before is not None and terms_of(before).limited:
        _tell(db, _changed(db, before, Terms(before.period)), reason)


def terms_of(budget: Budget) -> Terms:
    """Return what a budget allows."""
    return Terms(budget.period, budget.runs, budget.cost, budget.cost_per_run)


def _locked(db: SharedDb, whose: Whose, versions: Container[str]) -> Counted | None:
    """Return a budget that is about to change; None for one that nobody has set. Raises BudgetChangedMeanwhile."""
    row = db.execute(select(budgets, TODAY).where(*whose.where).with_for_update()).mappings().first()
    before = None if row is None else Counted.of(row)
    if str(NEVER_SET if before is None else before.row_version) not in versions:
        raise BudgetChangedMeanwhile
    return before


def _new(db: SharedDb, whose: Whose, terms: Terms) -> Budget:
    """Return a budget that was added. Raises BudgetChangedMeanwhile if somebody else has just done so."""
    today = db.scalar(select(TODAY))
    row = {
        "id": new_id("bud"),
        "owner_id": whose.owner_id,
        "instance_id": whose.instance_id,
        "set_by": whose.set_by,
        "begins": today,
        **vars(terms),
    }
    added = insert_or(budgets).values(row).on_conflict_do_nothing().returning(budgets, TODAY)
    found = db.execute(added).mappings().first()
    if found is None:
        raise BudgetChangedMeanwhile
    return _changed(db, Counted.of(found).model_copy(update={"row_version": NEVER_SET}), terms)


def _changed(db: SharedDb, before: Counted, terms: Terms) -> Budget:
    after: Budget = counting.renewed(before, before.today)
    if terms.limited and (terms.period != before.period or not terms_of(before).limited or not before.row_version):
        after = _with_spent(db, counting.anew(after, counting.begins(terms.period, before.today)))
    after = after.model_copy(update=vars(terms) | {"row_version": before.row_version + 1})
    if not counting.is_nearly_spent(after):
        after = after.model_copy(update={"nearly_spent": False})
    columns = {name: getattr(after, name) for name in (*vars(terms), *COUNTED, "row_version")}
    db.execute(update(budgets).where(budgets.c.id == after.id).values(columns | {"updated_at": func.now()}))
    return after


def _with_spent(db: SharedDb, budget: Budget) -> Budget:
    """Return a budget of which is spent what runs have used that ended since it begins."""
    sums = select(func.coalesce(func.sum(run_usage.c.runs), 0), func.coalesce(func.sum(run_usage.c.cost), 0))
    sums = sums.where(run_usage.c.owner_id == budget.owner_id, run_usage.c.day >= budget.begins)
    if budget.instance_id is not None:
        sums = sums.where(run_usage.c.instance_id == budget.instance_id)
    number, cost = db.execute(sums).one()
    return budget.model_copy(update={"spent_runs": int(number), "spent_cost": Decimal(cost)})


def _tell(db: SharedDb, budget: Budget, reason: str) -> None:
    from events.catalog.budgets import BudgetChanged

    emit(
        db,
        BudgetChanged(
            budget_id=budget.id,
            owner_id=budget.owner_id,
            instance_id=budget.instance_id,
            set_by=budget.set_by,
            period=budget.period,
            runs=budget.runs,
            cost=None if budget.cost is None else counting.plain(budget.cost),
            cost_per_run=None if budget.cost_per_run is None else counting.plain(budget.cost_per_run),
            reason=reason,
        ),
    )
