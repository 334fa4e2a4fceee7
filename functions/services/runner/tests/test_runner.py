"""A real runner and a real agent host: what becomes of runs."""

import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from functions.domain.databases import SharedDb
from functions.domain.runs import claiming
from functions.domain.runs.claiming import Bounds, Claimed
from functions.domain.runs.reasons import Reason
from functions.services.runner.runner import Runner
from functions.services.runner.settings import Settings
from functions.services.runner.tests.asking import Asking, Start
from shared_psql_models.runs import RunStatus
from testing.environment import Environment
from testing.instances import running_host
from tools.local.ports import free_ports
from tools.local.wait import until

STREAM: Final = """
import time

def agent(request):
    asked = request.get_json()
    for number in range(int(asked["text"])):
        yield f"{number} "
        time.sleep(0.02)
    yield {"type": "usage", "output_tokens": 3, "cost": "0.25"}
"""

ASKS: Final = """
def agent(request):
    asked = request.get_json()
    if "answer" in asked:
        return {"text": f"So {asked['answer']['value']}."}
    return iter(["Well. ", {"type": "input", "text": "Which?", "schema": {"type": "string"}}])
"""

SLOW: Final = """
import time

def agent(request):
    yield "begun"
    time.sleep(60)
"""

FAILS: Final = """
from pathlib import Path

def agent(request):
    tried = Path("tried")
    if not tried.exists():
        tried.touch()
        yield "broken"
        raise ValueError("not yet")
    yield "whole"
"""


def test_what_an_agent_says_is_numbered_and_together_the_reply(asking: Callable[[str], Asking], runner: Start) -> None:
    runner()
    agent = asking(STREAM)
    run = agent.ask("20")
    ended = agent.wait(run)
    text, numbers = agent.text_of_events(run)
    assert (ended.explanation, ended.reply) == ("The agent has answered.", "".join(f"{each} " for each in range(20)))
    assert text == ended.reply
    assert numbers == list(range(1, ended.last_sequence + 1))
    assert ended.usage == {"output_tokens": 3, "cost": "0.25"}
    assert ended.wall_ms > 0


def test_an_agent_asks_and_goes_on_when_it_is_answered_though_the_runner_is_another(
    asking: Callable[[str], Asking], runner: Start
) -> None:
    first = runner()
    agent = asking(ASKS)
    run = agent.ask()
    waiting = agent.wait(run, RunStatus.INPUT_REQUIRED)
    first.stop()
    agent.answer(waiting, "blue")
    runner()
    assert agent.wait(run).reply == "Well. So blue."


def test_a_cancelled_run_ends_soon_and_keeps_what_was_said(asking: Callable[[str], Asking], runner: Start) -> None:
    runner()
    agent = asking(SLOW)
    run = agent.ask()
    agent.wait(run, RunStatus.RUNNING)
    until(lambda: agent.text_of_events(run)[0] == "begun", seconds=30)
    agent.cancel(run)
    ended = agent.wait(run)
    assert (ended.status, ended.reason, ended.reply) == (RunStatus.CANCELLED, Reason.CANCEL_REQUESTED, "begun")


def test_a_run_whose_runner_was_killed_ends_as_lost_or_is_tried_again(
    asking: Callable[[str], Asking], runner: Start
) -> None:
    killed = runner()
    agent = asking(SLOW)
    run, again = agent.ask(), agent.ask()
    agent.retries(again, 1)
    agent.wait(run, RunStatus.RUNNING)
    agent.wait(again, RunStatus.RUNNING)
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    runner()
    assert agent.wait(run).reason == Reason.RUNNER_LOST
    until(lambda: agent.read(again).attempt == 2, seconds=60)
    agent.cancel(again)
    assert agent.wait(again).status == RunStatus.CANCELLED


def test_a_run_whose_host_was_killed_says_so_and_blames_no_agent(
    asking: Callable[[str], Asking], runner: Start, env: Environment
) -> None:
    [port] = free_ports(1)
    with running_host(env, port) as host:
        runner(AGENT_HOST_URL=f"http://127.0.0.1:{port}")
        agent = asking(SLOW)
        run = agent.ask()
        until(lambda: agent.text_of_events(run)[0] == "begun", seconds=60)
        host.process.send_signal(signal.SIGKILL)
        ended = agent.wait(run)
    assert (ended.status, ended.reason, ended.reply) == (RunStatus.FAILED, Reason.HOST_LOST, "begun")


def test_an_attempt_that_failed_is_tried_again_and_is_no_part_of_the_reply(
    asking: Callable[[str], Asking], runner: Start
) -> None:
    agent = asking(FAILS)
    run = agent.ask()
    agent.retries(run, 1)
    runner()
    ended = agent.wait(run)
    assert (ended.status, ended.reply, ended.attempt) == (RunStatus.COMPLETED, "whole", 2)


def test_an_agent_that_fails_says_why(asking: Callable[[str], Asking], runner: Start) -> None:
    runner()
    agent = asking("def agent(request):\n    raise ValueError('no idea')\n")
    ended = agent.wait(agent.ask())
    assert (ended.status, ended.reason) == (RunStatus.FAILED, Reason.AGENT_FAILED)
    assert "no idea" in ended.explanation


def test_a_run_whose_instance_came_while_others_were_claimed_takes_its_turn_later(
    asking: Callable[[str], Asking], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = asking(STREAM)
    run = agent.ask("1")
    runner = Runner(Settings(runs=50, grace=60, bounds=Bounds(owner=1, instance=1), lease=15))
    claim = claiming.claim

    def claimed(db: SharedDb, name: str, *, room: int, bounds: Bounds, seconds: float) -> list[Claimed]:
        return [replace(each, addressee=None) for each in claim(db, name, room=room, bounds=bounds, seconds=seconds)]

    monkeypatch.setattr(claiming, "claim", claimed)
    attempt = runner._claim()
    assert attempt is not None
    runner._work(attempt)
    # Others may have been left by whoever was here before.
    runner._pool.shutdown()
    given_back = agent.read(run)
    assert (given_back.status, given_back.attempt) == (RunStatus.QUEUED, 0)
    assert given_back.reason == Reason.INSTANCE_NOT_READY
