"""Changing what an instance consists of, with a real agent: what is new is tried first, and taken back if it fails."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from events.catalog.instances import InstanceChanged
from functions.domain.instances.plan import Action
from functions.jobs import converge
from testing.environment import Environment
from testing.launches import Launched
from tools.local.ports import free_ports

Launch = Callable[..., Launched]
Eventually = Callable[..., Any]

SAYS: Final = """
import json, os, time
with open(os.environ["AGENT_CONFIG"]) as file:
    said = json.load(file)["said"]
if said == "raise":
    raise RuntimeError("no key")
if said == "hang":
    time.sleep(1000)
def agent(request):
    return {"text": said}
"""


@pytest.fixture
def instance(launch: Launch) -> Launched:
    made = launch(SAYS, {"said": "first"})
    converge.converge(made.id)
    assert made.say("?").json["text"] == "first"
    return made


def change(instance: Launched, said: str) -> None:
    body = {"config": {"said": said}}
    answer = instance.api.user.patch(instance.path, json=body, token=instance.owner.token, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text


def generations(instance: Launched) -> tuple[int, int]:
    told = instance.read()
    return told["generation"], told["observed_generation"]


def test_what_is_changed_serves_once_it_has_answered_and_not_before(instance: Launched) -> None:
    change(instance, "second")
    assert instance.say("?").json["text"] == "first"
    converge.converge(instance.id)
    assert instance.say("?").json["text"] == "second"
    assert instance.statuses()[-2:] == ["updating", "running"]
    assert (instance.read()["reason"], generations(instance)) == ("updated", (2, 2))


def test_what_does_not_start_is_taken_back_with_its_cause_and_all_stays_as_it_was(instance: Launched) -> None:
    change(instance, "raise")
    converge.converge(instance.id)
    told = instance.read()
    assert (told["status"], told["reason"], told["config"]) == ("running", "update_rolled_back", {"said": "first"})
    assert "RuntimeError: no key" in told["message"]
    assert generations(instance) == (3, 3)
    assert instance.say("?").json["text"] == "first"
    assert told["attempts"] == 0


def test_what_is_taken_back_is_in_the_history_and_is_said(instance: Launched, env: Environment) -> None:
    change(instance, "raise")
    converge.converge(instance.id)
    counted = [each for each in instance.history() if each["kind"] == "generation"]
    assert [(each["previous"], each["value"], each["reason"]) for each in counted] == [
        ("1", "2", "update_requested"),
        ("2", "3", "update_rolled_back"),
    ]
    with env.transaction("shared_psql", "relay") as db:
        query = "select data from outbox where subject = %s and type = %s order by seq"
        said = db.exec_driver_sql(query, (instance.id, InstanceChanged.type)).scalars().all()
    assert [(each["generation"], each["fields"], each["reason"]) for each in said] == [
        (2, ["config"], "update_requested"),
        (3, ["config"], "update_rolled_back"),
    ]


def test_while_an_update_hangs_what_was_there_serves_and_the_next_change_takes_its_place(
    instance: Launched, eventually: Eventually
) -> None:
    change(instance, "hang")
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(converge.converge, instance.id)
        eventually(lambda: instance.status == "updating")
        assert instance.say("?").json["text"] == "first"
        change(instance, "third")
        job.result(60)
    eventually(lambda: converge.converge(instance.id) == 0 and instance.say("?").json["text"] == "third")
    assert generations(instance) == (3, 3)


def test_an_update_that_takes_too_long_is_taken_back(instance: Launched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(converge.SECONDS, Action.VERIFY, 0.5)
    change(instance, "hang")
    converge.converge(instance.id)
    assert instance.read()["reason"] == "update_rolled_back"
    assert instance.say("?").json["text"] == "first"


def test_an_update_waits_while_no_host_answers(instance: Launched, monkeypatch: pytest.MonkeyPatch) -> None:
    change(instance, "second")
    with monkeypatch.context() as away:
        away.setenv("AGENT_HOST_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
        converge.converge(instance.id)
        assert (instance.status, instance.read()["reason"]) == ("updating", "host_unreachable")
    instance.put(due_at="now()")
    converge.converge(instance.id)
    assert instance.say("?").json["text"] == "second"


def test_a_restart_is_a_new_agent_with_the_same_config(instance: Launched) -> None:
    instance.ask("restart")
    converge.converge(instance.id)
    assert generations(instance) == (2, 2)
    assert instance.say("?").json["text"] == "first"
