"""A real runner and a real agent host: what runs cost, and may."""

import signal
from collections.abc import Callable
from typing import Any, Final

from functions.domain.databases import SharedDb
from functions.domain.runs import usage
from functions.services.runner.tests.asking import Asking, Start
from shared_psql_models.runs import RunStatus
from tools.local.wait import until

DEAR: Final = """
import time

def agent(request):
    yield "begun"
    yield {"type": "usage", "cost": "0.4", "pages": 1}
    yield {"type": "usage", "cost": "0.4", "pages": 1}
    time.sleep(60)
"""

CAREFUL: Final = """
def agent(request):
    asked = request.get_json()
    yield f"{asked.get('cost_limit')} "
    if "answer" not in asked:
        yield {"type": "usage", "cost": "0.35"}
        yield {"type": "input", "text": "More?", "schema": {}}
"""

TWICE: Final = """
from pathlib import Path

def agent(request):
    yield {"type": "usage", "cost": "0.25", "pages": 2}
    tried = Path("tried")
    if not tried.exists():
        tried.touch()
        raise ValueError("not yet")
    yield "whole"
"""


def budget(agent: Asking, **terms: object) -> dict[str, Any]:
    """Set the owner's budget if terms are given, and return it."""
    owner, api = agent.instance.owner, agent.instance.api.user
    if terms:
        api.put("/v1/me/budget", json={"period": "day"} | terms, token=owner.token, headers={"If-Match": "*"})
    return dict(api.get("/v1/me/budget", token=owner.token).json)


def total(agent: Asking) -> usage.Used:
    with agent.env.transaction("shared_psql", "user") as db:
        return usage.used(SharedDb(db), agent.instance.owner.id, usage.today(), usage.today()).total


def test_an_agent_that_costs_more_than_a_run_may_is_ended_and_has_spent_that(
    asking: Callable[[str], Asking], runner: Start
) -> None:
    runner()
    agent = asking(DEAR)
    budget(agent, cost="2", cost_per_run="0.5")
    ended = agent.wait(agent.ask())
    assert (ended.status, ended.reason, ended.reply) == (RunStatus.FAILED, "budget_exceeded", "begun")
    assert ended.explanation == "The agent reported a cost of 0.8, and by its budget a run may cost 0.5."
    told = budget(agent)
    assert (told["spent"], told["reserved"]) == ({"runs": 1, "cost": "0.8"}, {"runs": 0, "cost": "0"})


def test_an_agent_is_told_what_it_may_cost_yet(asking: Callable[[str], Asking], runner: Start) -> None:
    runner()
    agent = asking(CAREFUL)
    without = agent.wait(agent.ask(), RunStatus.INPUT_REQUIRED)
    agent.cancel(without)
    budget(agent, cost="2", cost_per_run="0.5")
    run = agent.wait(agent.ask(), RunStatus.INPUT_REQUIRED)
    agent.answer(run, None)
    assert (without.reply, agent.wait(run).reply) == ("None ", "0.5 0.15 ")


def test_what_an_attempt_has_used_that_failed_counts_too(asking: Callable[[str], Asking], runner: Start) -> None:
    agent = asking(TWICE)
    run = agent.ask()
    agent.retries(run, 1)
    runner()
    assert agent.wait(run).reply == "whole"
    found = total(agent)
    assert (found.runs, str(found.cost), found.reported) == (1, "0.5", {"pages": 4})


def test_what_an_agent_has_reported_counts_though_its_runner_is_lost(
    asking: Callable[[str], Asking], runner: Start
) -> None:
    agent = asking(DEAR)
    run = agent.ask()
    first = runner()
    until(lambda: agent.text_of_events(run)[1][-1:] >= [5], seconds=60)
    first.process.send_signal(signal.SIGKILL)
    runner()
    assert agent.wait(run).reason == "runner_lost"
    found = total(agent)
    assert (str(found.cost), found.reported, budget(agent)["spent"]["runs"]) == ("0.8", {"pages": 2}, 0)
