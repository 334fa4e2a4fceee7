"""What administrators do about anybody's instance, and what its owner sees of it."""

from collections.abc import Callable

import pytest

from functions.domain.databases import SharedDb
from functions.domain.runs import sweeping
from functions.jobs import converge
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response
from tools.local.ports import free_ports

Launch = Callable[..., Launched]
Act = Callable[..., Response]
WHY = "It sends thousands of mails."


@pytest.fixture
def act(api: Api, person: Callable[..., Person]) -> Act:
    """`act(instance, "quarantine")` is what an administrator does, and the answer."""
    token = person(("user", "admin")).token
    return lambda instance, verb: api.admin.post(
        f"/v1/admin/instances/{instance.id}/{verb}", json={"reason": WHY}, token=token
    )


@pytest.fixture
def running(agent_host: str, launch: Launch) -> Launched:
    instance = launch()
    converge.converge(instance.id)
    assert instance.status == "running"
    return instance


def conditions(instance: Launched) -> dict[str, tuple[bool, str, str]]:
    return {each["type"]: (each["holds"], each["reason"], each["message"]) for each in instance.read()["conditions"]}


def test_an_instance_that_is_set_apart_stops_and_nobody_starts_it(running: Launched, act: Act) -> None:
    answer = act(running, "quarantine")
    assert (answer.status_code, answer.json["desired_state"]) == (202, "stopped")
    assert answer.json["quarantine_reason"] == WHY
    converge.converge(running.id)
    for verb in ("start", "restart"):
        refused = running.ask(verb)
        assert (refused.status_code, refused.code) == (409, "quarantined")
        assert refused.json["detail"].endswith(WHY)
    assert act(running, "restart").code == "quarantined"
    assert running.status == "stopped"


def test_its_owner_reads_that_it_is_set_apart_and_why(launch: Launch, act: Act) -> None:
    instance = launch()
    assert conditions(instance)["quarantined"] == (False, "not_quarantined", "It may be started.")
    act(instance, "quarantine")
    assert conditions(instance)["quarantined"] == (True, "quarantined", WHY)
    told = [(each["kind"], each["previous"], each["value"], each["reason"]) for each in instance.history()[1:]]
    assert told == [
        ("quarantine", "released", "quarantined", "quarantined"),
        ("desired_state", "running", "stopped", "quarantined"),
    ]
    assert all(each["message"].endswith(WHY) for each in instance.history()[1:])


def test_asked_again_it_stays_set_apart_for_the_first_reason(launch: Launch, act: Act) -> None:
    instance = launch()
    first = act(instance, "quarantine").json
    assert act(instance, "quarantine").json == first
    assert len(instance.history()) == 3


def test_one_that_is_released_stays_stopped_until_it_is_started(launch: Launch, act: Act) -> None:
    instance = launch()
    act(instance, "quarantine")
    answer = act(instance, "release")
    assert (answer.json["quarantined_at"], answer.json["desired_state"]) == (None, "stopped")
    assert instance.history()[-1]["reason"] == "released_from_quarantine"
    assert act(instance, "release").json["row_version"] == answer.json["row_version"]
    assert instance.ask("start").status_code == 202


def test_one_that_is_set_apart_can_be_deleted_by_its_owner(launch: Launch, act: Act) -> None:
    instance = launch()
    act(instance, "quarantine")
    assert instance.ask("delete").json["desired_state"] == "deleted"
    assert act(instance, "release").code == "instance_deleted"


def test_runs_of_one_that_is_set_apart_are_cancelled(running: Launched, act: Act, env: Environment) -> None:
    run = running.ask_agent("hello").json
    act(running, "quarantine")
    with env.transaction("shared_psql", "runner") as db:
        assert sweeping.cancel_of_stopped(SharedDb(db), instance_id=running.id) == 1
    seen = running.api.user.get(f"/v1/runs/{run['id']}", token=running.owner.token).json
    assert (seen["status"], seen["reason"]) == ("cancelled", "stopped_by_administrator")


def test_an_administrator_has_an_instance_started_anew(running: Launched, act: Act) -> None:
    before = running.read()["generation"]
    answer = act(running, "restart")
    assert (answer.status_code, answer.json["generation"]) == (202, before + 1)
    converge.converge(running.id)
    assert (running.status, running.read()["observed_generation"]) == ("running", before + 1)
    assert "restarted_by_administrator" in running.reasons()


def test_one_that_runs_is_verified_when_it_is_reconciled(running: Launched, act: Act) -> None:
    assert act(running, "reconcile").json["attempts"] == 1
    converge.converge(running.id)
    assert (running.status, running.row()["attempts"]) == ("running", 0)


def test_one_that_has_failed_is_tried_again_when_it_is_reconciled(running: Launched, act: Act) -> None:
    running.put(status="'failed'", attempts=5)
    act(running, "reconcile")
    converge.converge(running.id)
    assert running.status == "running"
    assert "reconciled_by_administrator" in running.reasons()


def test_one_that_is_deleted_cannot_be_reconciled(launch: Launch, act: Act) -> None:
    instance = launch()
    instance.put(status="'deleted'", desired_state="'deleted'", deadline_at="null")
    answers = [act(instance, verb) for verb in ("reconcile", "force-delete", "stop", "restart", "quarantine")]
    assert {answer.code for answer in answers} == {"instance_deleted"}


@pytest.fixture
def no_host(agent_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_HOST_URL", f"http://127.0.0.1:{free_ports(1)[0]}")


@pytest.mark.usefixtures("no_host")
@pytest.mark.parametrize("asked_before", [False, True])
def test_one_is_deleted_by_force_though_no_host_answers(launch: Launch, act: Act, asked_before: bool) -> None:
    instance = launch()
    instance.put(status="'running'", deadline_at="null")
    if asked_before:
        instance.ask("delete")
        converge.converge(instance.id)
        assert instance.row()["status"] == "deleting"
    answer = act(instance, "force-delete")
    assert (answer.status_code, answer.json["reason"]) == (202, "deleted_by_administrator")
    converge.converge(instance.id)
    row = instance.row()
    assert (row["status"], row["reason"], row["config"]) == ("deleted", "removed_unseen", {})


@pytest.mark.usefixtures("no_host")
def test_without_force_it_waits_for_a_host(launch: Launch) -> None:
    instance = launch()
    instance.put(status="'running'", deadline_at="null")
    instance.ask("delete")
    converge.converge(instance.id)
    assert instance.row()["status"] == "deleting"


@pytest.mark.parametrize("verb", ["stop", "restart", "quarantine", "release", "reconcile", "force-delete"])
def test_whoever_acts_says_why(api: Api, launch: Launch, person: Callable[..., Person], verb: str) -> None:
    token, instance = person(("user", "admin")).token, launch()
    path = f"/v1/admin/instances/{instance.id}/{verb}"
    for body in ({}, {"reason": ""}, {"reason": "x" * 501}):
        assert api.admin.post(path, json=body, token=token).code == "invalid"
    assert instance.reasons() == ["created"]
