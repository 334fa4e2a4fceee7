"""Budgets: never overspent, however many run at a time, and settled however a run ends."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from functions.domain.runs import budgets, commands, sweeping
from functions.domain.runs.budgets import BudgetExceeded
from functions.domain.runs.reading import Of
from functions.domain.runs.tests.test_runs import Runs
from shared_psql_models.budgets import Budget, Period, SetBy
from shared_psql_models.runs import Run, runs
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

ACCOUNT: Final = "/v1/me/budget"
NOBODY_SET: Final = '"0"'


@pytest.fixture
def mine(env: Environment, launch: Callable[..., Launched]) -> Runs:
    return Runs(env, launch())


def put(mine: Runs, path: str, *, etag: str = "*", **terms: object) -> Response:
    body = {"period": "month"} | terms
    owner = mine.instance.owner
    return mine.instance.api.user.put(path, json=body, token=owner.token, headers={"If-Match": etag})


def limit(mine: Runs, path: str = ACCOUNT, **terms: object) -> None:
    answer = put(mine, path, etag=NOBODY_SET, **terms)
    assert answer.status_code == 200, answer.text


def read(mine: Runs, path: str = ACCOUNT) -> dict[str, Any]:
    return dict(mine.instance.api.user.get(path, token=mine.instance.owner.token).json)


def spent(mine: Runs, path: str = ACCOUNT) -> tuple[int, str, int, str]:
    told = read(mine, path)
    return told["spent"]["runs"], told["spent"]["cost"], told["reserved"]["runs"], told["reserved"]["cost"]


def answer(mine: Runs, run: Run, cost: str = "0") -> None:
    [claimed] = (each for each in mine.claim() if each.id == run.id)
    begun = mine.begin(claimed)
    with mine.by("runner") as db:
        db.execute(update(runs).where(runs.c.id == run.id).values(usage={"cost": cost}))
    assert mine.end(begun)


def told(mine: Runs, type_: str) -> list[dict[str, Any]]:
    with mine.by("relay") as db:
        query = "select data from outbox where type = %s and data->>'owner_id' = %s order by seq"
        return list(db.exec_driver_sql(query, (type_, mine.instance.owner.id)).scalars())


def test_fifty_at_once_are_no_more_than_there_may_be(mine: Runs) -> None:
    limit(mine, runs=20, cost="1000", cost_per_run="1")
    limit(mine, f"{mine.instance.path}/budget", cost="7.5", cost_per_run="0.5")

    def ask(_: int) -> bool:
        try:
            mine.ask()
        except BudgetExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(50))) == 15
    assert spent(mine) == (0, "0", 15, "15")
    assert spent(mine, f"{mine.instance.path}/budget") == (0, "0", 15, "7.5")


def test_what_a_run_did_not_take_is_given_back_when_it_ends(mine: Runs) -> None:
    limit(mine, runs=2, cost="1", cost_per_run="1")
    answer(mine, mine.ask(), cost="0.25")
    assert spent(mine) == (1, "0.25", 0, "0")
    with pytest.raises(BudgetExceeded, match=r"0.25 of 1 is spent, and a run may cost 1\. It renews on"):
        mine.ask()


def test_a_run_that_is_lost_settles_too(mine: Runs) -> None:
    limit(mine, runs=1)
    run = mine.ask()
    [claimed] = mine.claim(seconds=-1)
    mine.begin(claimed)
    with mine.by("runner") as db:
        sweeping.settle_overdue(db)
    assert mine.read(run).reservation is None
    assert spent(mine) == (1, "0", 0, "0")


def test_a_run_that_is_cancelled_before_it_begins_gives_all_back(mine: Runs) -> None:
    limit(mine, runs=1)
    run = mine.ask()
    with pytest.raises(BudgetExceeded, match="0 of 1 runs are spent, and 1 are under way"):
        mine.ask()
    with mine.by("user") as db:
        commands.cancel(db, run.id, Of(mine.instance.owner.id))
    assert spent(mine) == (0, "0", 0, "0")
    mine.ask()


def test_a_refusal_names_which_budget_and_who_can_raise_it(
    mine: Runs, person: Callable[..., Person], env: Environment
) -> None:
    administrator = person(("user", "admin"))
    path = f"/v1/admin/accounts/{mine.instance.owner.id}/budget"
    body = {"period": "day", "runs": 0, "reason": "A test needs it."}
    admin = mine.instance.api.admin
    headers = {"If-Match": NOBODY_SET}
    assert admin.put(path, json=body, token=administrator.token, headers=headers).json["runs"] == 0
    with pytest.raises(BudgetExceeded, match=r"^The budget that your account was given .* runs this service can raise"):
        mine.ask()
    assert read(mine)["given"]["runs"] == 0
    assert admin.get(path, token=administrator.token).headers["ETag"] == '"1"'
    headers = {"If-Match": '"1"'}
    unsaid = admin.delete(path, token=administrator.token, headers=headers)
    assert (unsaid.status_code, unsaid.code) == (422, "invalid")
    why = "?reason=They+have+asked+for+it."
    assert admin.delete(path + why, token=administrator.token, headers=headers).status_code == 204
    limit(mine, f"{mine.instance.path}/budget", runs=0)
    with pytest.raises(BudgetExceeded, match=rf"^This instance's budget .* PUT {mine.instance.path}/budget\.$"):
        mine.ask()
    said = [(each["set_by"], each["runs"], each["reason"]) for each in told(mine, "com.botberi.budget.changed.v1")]
    assert said == [
        ("administrator", 0, "A test needs it."),
        ("administrator", None, "They have asked for it."),
        ("owner", 0, ""),
    ]


def test_four_fifths_are_told_once(mine: Runs) -> None:
    limit(mine, runs=5)
    for _ in range(5):
        mine.ask()
    [said] = told(mine, "com.botberi.budget.nearly_spent.v1")
    assert (said["runs"], said["spent_runs"], said["instance_id"]) == (5, 4, None)


def test_four_fifths_of_a_cost_are_told_when_they_are_spent_and_not_when_reserved(mine: Runs) -> None:
    limit(mine, cost="1", cost_per_run="0.9")
    run = mine.ask()
    assert told(mine, "com.botberi.budget.nearly_spent.v1") == []
    answer(mine, run, cost="0.85")
    [said] = told(mine, "com.botberi.budget.nearly_spent.v1")
    assert (said["cost"], said["spent_cost"]) == ("1", "0.85")


def test_a_budget_begins_with_what_was_used_in_the_period_and_keeps_it_when_it_changes(mine: Runs) -> None:
    answer(mine, mine.ask(), cost="3")
    limit(mine, runs=1)
    with pytest.raises(BudgetExceeded):
        mine.ask()
    assert put(mine, ACCOUNT, etag='"7"', runs=2).code == "budget_changed_meanwhile"
    assert put(mine, ACCOUNT, etag='"1"', runs=2).json["row_version"] == 2
    run = mine.ask()
    assert spent(mine) == (1, "3", 1, "0")
    assert put(mine, ACCOUNT, period="day", runs=1000).json["reserved"]["runs"] == 0
    answer(mine, run, cost="1")
    assert spent(mine) == (1, "3", 0, "0"), "what was under way before it was counted anew is no part of it"


def test_a_budget_that_is_taken_away_limits_nothing_and_one_with_no_sense_is_none(mine: Runs) -> None:
    limit(mine, runs=0)
    headers = {"If-Match": '"1"'}
    owner, api = mine.instance.owner, mine.instance.api.user
    assert api.delete(ACCOUNT, token=owner.token, headers=headers).status_code == 204
    assert (read(mine)["runs"], read(mine)["period"], read(mine)["row_version"]) == (None, None, 2)
    answer(mine, mine.ask())
    assert put(mine, ACCOUNT, runs=5).json["spent"]["runs"] == 1
    for terms in ({}, {"cost": "1"}, {"cost": "1", "cost_per_run": "2"}, {"cost": "1", "cost_per_run": "0"}):
        assert put(mine, ACCOUNT, **terms).code == "invalid"
    assert api.put(ACCOUNT, json={"period": "day", "runs": 1}, token=owner.token).status_code == 428


def test_a_new_period_begins_with_nothing_spent_and_what_ran_before_is_no_part_of_it(mine: Runs) -> None:
    limit(mine, period="day", runs=1)
    run = mine.ask()
    with mine.by("migrator") as db:
        db.exec_driver_sql("update budgets set begins = begins - 1 where owner_id = %s", (run.owner_id,))
    mine.ask()
    answer(mine, run)
    assert spent(mine) == (0, "0", 1, "0")


ENDS: Final = st.lists(
    st.tuples(st.booleans(), st.decimals(0, 3, places=2), st.integers(0, 40)), min_size=1, max_size=25
)


@settings(max_examples=60, deadline=None)
@given(ENDS, st.integers(0, 12), st.sampled_from(Period))
def test_whatever_happens_no_more_is_promised_than_there_is(
    happenings: list[tuple[bool, Decimal, int]], most: int, period: Period
) -> None:
    budget, open_, day = a_budget(period, most), list[int](), date(2026, 12, 30)
    for ends, cost, wait in happenings:
        day += timedelta(days=wait // 20)
        budget = budgets.renewed(budget, day)
        if ends and open_:
            if open_.pop() == budget.count:
                budget = budgets.settled(budget, Decimal(1), min(cost, Decimal(1)))
        else:
            try:
                budget = budgets.reserved(budget)
                open_.append(budget.count)
            except BudgetExceeded:
                assert budget.spent_runs + budget.reserved_runs == most or budget.spent_cost + budget.reserved_cost > 4
        assert budget.spent_runs + budget.reserved_runs <= most
        assert budget.spent_cost + budget.reserved_cost <= 5
        assert budget.reserved_cost == budget.reserved_runs == open_.count(budget.count)
        assert budget.begins <= day < budgets.renews(budget)


def a_budget(period: Period, most: int) -> Budget:
    first = date(2026, 12, 30) if period == Period.DAY else date(2026, 12, 1)
    nothing = dict.fromkeys(("spent_runs", "spent_cost", "reserved_runs", "reserved_cost"), 0)
    terms = {"period": period, "runs": most, "cost": 5, "cost_per_run": 1}
    whose = {"id": "bud_1", "owner_id": "usr_1", "instance_id": None, "set_by": SetBy.OWNER}
    rest = {"begins": first, "count": 1, "nearly_spent": False, "row_version": 1, "updated_at": "2026-12-01T00:00:00Z"}
    return Budget.model_validate(whose | terms | nothing | rest)
