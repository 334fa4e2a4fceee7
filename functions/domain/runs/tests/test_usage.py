"""What runs have used, added up as they end."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from functions.domain.runs import commands, usage
from functions.domain.runs.reading import Of
from functions.domain.runs.tests.test_runs import Runs
from functions.domain.runs.usage import UsedByRuns
from shared_psql_models.runs import runs
from testing.environment import Environment
from testing.launches import Launched
from testing.responses import Response


@pytest.fixture
def mine(env: Environment, launch: Callable[..., Launched]) -> Runs:
    return Runs(env, launch())


def answer(mine: Runs, **used: object) -> None:
    """Have the agent answer once, and write down what it used as a runner does."""
    run = mine.ask()
    [claimed] = mine.claim()
    begun = mine.begin(claimed)
    with mine.by("runner") as db:
        db.execute(update(runs).where(runs.c.id == run.id).values(**used))
    assert mine.end(begun)


def used(mine: Runs, instance_id: str | None = None) -> UsedByRuns:
    today = usage.today()
    with mine.by("user") as db:
        owner = mine.instance.owner.id
        return usage.used(db, owner, today - timedelta(days=1), today, instance_id=instance_id)


def read(mine: Runs, query: str = "") -> Response:
    return mine.instance.api.user.get(f"/v1/me/usage{query}", token=mine.instance.owner.token)


def test_what_runs_report_adds_up_and_costs_to_the_last_place(mine: Runs) -> None:
    for cost in ("0.1", "2E-7", 0.2):
        reported = {"input_tokens": 5, "pages": 1.5, "cost": cost}
        answer(mine, wall_ms=100, processor_ms=7, usage=reported)
    answer(mine, usage={"pages": 1})
    found = used(mine)
    [instance], [day] = found.instances, found.days
    assert (found.total.runs, found.total.wall_ms, found.total.processor_ms) == (4, 300, 21)
    assert found.total.cost == Decimal("0.3000002")
    assert found.total.reported == {"input_tokens": 15, "pages": 5.5}
    assert (instance.instance_id, day.day) == (mine.instance.id, usage.today())
    assert {instance.cost, day.cost, found.total.cost} == {Decimal("0.3000002")}


def test_what_is_no_number_counts_nothing_and_no_agent_names_too_many(mine: Runs) -> None:
    answer(mine, usage={"kept": 1, "cost": "a lot", "odd": "1"})
    answer(mine, usage={f"more_{number:03}": 1 for number in range(150)})
    total = used(mine).total
    assert (len(total.reported), total.reported["kept"]) == (100, 1)
    assert total.cost == 0


def test_a_run_that_is_cancelled_before_its_agent_is_called_has_used_nothing(mine: Runs) -> None:
    run = mine.ask()
    with mine.by("user") as db:
        commands.cancel(db, run.id, Of(mine.instance.owner.id))
    found = used(mine)
    assert (found.total.runs, found.days, found.instances) == (0, [], [])


def test_an_owner_reads_it_beside_their_quotas(mine: Runs) -> None:
    answer(mine, usage={"cost": "0.0000001"})
    told = read(mine).json
    assert told["usage"]["instances"]["used"] == 1
    assert (told["runs"]["total"]["runs"], told["runs"]["total"]["cost"]) == (1, "0.0000001")
    assert [each["instance_id"] for each in told["runs"]["instances"]] == [mine.instance.id]
    today = usage.today()
    assert (told["runs"]["first_day"], told["runs"]["last_day"]) == (str(today - timedelta(days=29)), str(today))
    yesterday = today - timedelta(days=1)
    assert read(mine, f"?to={yesterday}").json["runs"]["total"]["runs"] == 0
    assert read(mine, f"?from={today}&instance_id={mine.instance.id}").json["runs"]["total"]["runs"] == 1
    assert read(mine, f"?from={today}&to={yesterday}").code == "invalid"
    assert read(mine, "?from=2020-01-01").code == "invalid"
    assert read(mine, "?to=0001-01-01").json["runs"]["first_day"] == "0001-01-01"


def test_sums_are_forgotten_when_they_are_old(mine: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(mine, wall_ms=1)
    with mine.by("migrator") as db:
        db.exec_driver_sql("update run_usage set day = day - 40")
    with mine.by("subscribers") as db:
        assert usage.forget(db, 100) == 0
    monkeypatch.setenv(usage.DAYS_SETTING, "39")
    with mine.by("subscribers") as db:
        assert usage.forget(db, 100) >= 1
