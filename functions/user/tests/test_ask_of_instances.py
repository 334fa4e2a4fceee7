from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from shared_psql_models.statuses import TRANSIENT, Status
from testing.clients import Api
from testing.launches import Launched
from testing.people import Person

Launch = Callable[..., Launched]


def in_status(instance: Launched, status: str) -> Launched:
    deadline = "now() + interval '1 hour'" if status in TRANSIENT else "null"
    instance.put(status=f"'{status}'", deadline_at=deadline)
    return instance


def test_a_stop_is_kept_before_it_is_acknowledged(launch: Launch) -> None:
    instance = launch()
    answer = instance.ask("stop")
    assert (answer.status_code, answer.json["desired_state"]) == (202, "stopped")
    last = instance.history()[-1]
    assert (last["reason"], last["actor"], last["previous"]) == ("stop_requested", instance.owner.id, "running")
    assert last["message"] == "It is being stopped, as its owner asked."


@pytest.mark.parametrize(
    ("status", "verb", "reason", "late"),
    [
        ("running", "stop", "stop_requested", True),
        ("pending", "stop", "stop_requested", True),
        ("failed", "stop", "stop_requested", True),
        ("stopped", "delete", "delete_requested", True),
        ("running", "delete", "delete_requested", True),
        ("failed", "start", "start_requested", True),
    ],
)
def test_what_is_shown_follows_what_was_asked_at_once(
    launch: Launch, status: str, verb: str, reason: str, late: bool
) -> None:
    instance = in_status(launch(), status)
    answer = instance.ask(verb).json
    assert (answer["status"], answer["reason"], answer["deadline_at"] is not None) == (status, reason, late)
    assert {each["type"]: each["holds"] for each in answer["conditions"]} == {
        "ready": False,
        "up_to_date": False,
        "settled": False,
        "quarantined": False,
    }
    last = instance.history()[-1]
    assert (answer["message"], answer["next"]) == (last["message"], last["next"])


def test_a_stop_that_is_taken_back_leaves_it_as_it_was(launch: Launch) -> None:
    instance = in_status(launch(), "running")
    instance.put(observed_generation="generation")
    instance.ask("stop")
    shown = instance.ask("start").json
    assert (shown["reason"], shown["message"], shown["deadline_at"]) == ("agent_ready", "The agent answers.", None)
    assert instance.reasons()[-2:] == ["stop_requested", "start_requested"]


@pytest.mark.parametrize(
    ("status", "verbs", "reason"),
    [
        ("running", ["restart", "stop", "start"], "update_requested"),
        ("running", ["stop", "restart"], "restart_requested"),
        ("failed", ["restart"], "restart_requested"),
    ],
)
def test_what_is_still_to_become_another_says_so_until_when(
    launch: Launch, status: str, verbs: list[str], reason: str
) -> None:
    instance = in_status(launch(), status)
    instance.put(observed_generation="generation")
    shown = [instance.ask(verb).json for verb in verbs][-1]
    assert (shown["reason"], shown["deadline_at"] is not None) == (reason, True)
    assert [each["holds"] for each in shown["conditions"] if each["type"] == "settled"] == [False]


def test_a_start_that_is_taken_back_leaves_it_stopped(launch: Launch) -> None:
    instance = in_status(launch(), "stopped")
    instance.put(desired_state="'stopped'")
    instance.ask("start")
    shown = instance.ask("stop").json
    assert (shown["reason"], shown["deadline_at"]) == ("agent_stopped", None)


@pytest.mark.parametrize("verb", ["start", "stop", "delete"])
def test_asking_twice_is_asking_once(launch: Launch, verb: str) -> None:
    instance = launch()
    first, before = instance.ask(verb), instance.history()
    second = instance.ask(verb)
    assert first.json == second.json
    assert instance.history() == before


@pytest.mark.parametrize("status", sorted(Status))
def test_a_deletion_is_accepted_in_every_status(launch: Launch, status: str) -> None:
    instance = in_status(launch(), status)
    assert instance.ask("delete").status_code == 202
    assert instance.read()["desired_state"] == "deleted"


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_what_is_deleted_stays_deleted(launch: Launch, verb: str) -> None:
    instance = launch()
    instance.ask("delete")
    answer = instance.ask(verb)
    assert (answer.status_code, answer.code) == (409, "instance_deleted")
    assert instance.read()["desired_state"] == "deleted"


def test_a_failed_instance_gets_a_new_try(launch: Launch) -> None:
    instance = in_status(launch(), "failed")
    instance.put(attempts="5", due_at="now() + interval '1 day'")
    assert instance.ask("start").json["attempts"] == 0
    assert instance.reasons()[-1] == "start_requested"


def test_commands_that_cross_are_all_in_the_history_one_after_another(launch: Launch) -> None:
    instance = launch()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(instance.ask, ["stop", "start"] * 6))
    assert {answer.status_code for answer in answers} == {202}
    values = [event["value"] for event in instance.history()]
    assert all(one != other for one, other in pairwise(values))
    assert values[-1] == instance.read()["desired_state"]


def test_somebody_elses_instance_is_not_there(launch: Launch, api: Api, person: Callable[..., Person]) -> None:
    instance, stranger = launch(), person()
    asked = [
        api.user.get(instance.path, token=stranger.token),
        api.user.get(f"{instance.path}/events", token=stranger.token),
        api.user.post(f"{instance.path}/start", token=stranger.token),
        api.user.post(f"{instance.path}/stop", token=stranger.token),
        api.user.delete(instance.path, token=stranger.token),
        api.user.post(f"{instance.path}/messages", json={"text": "hello"}, token=stranger.token),
    ]
    assert {(answer.status_code, answer.code) for answer in asked} == {(404, "instance_not_found")}
    assert instance.reasons() == ["created"]
    assert api.user.get("/v1/instances", token=stranger.token).json["items"] == []


@pytest.mark.parametrize("instance_id", ["ins_0", "usr_" + "0" * 32, "ins_" + "g" * 32, "%00", "ins_" + "0" * 32])
def test_an_id_that_is_none_is_not_there(api: Api, person: Callable[..., Person], instance_id: str) -> None:
    assert api.user.get(f"/v1/instances/{instance_id}", token=person().token).status_code == 404
