from collections.abc import Callable

from testing.clients import Api
from testing.launches import Launched
from testing.people import Person

Launch = Callable[..., Launched]
Somebody = Callable[..., Person]
ADMINISTRATOR = ("user", "admin")
WHY = {"reason": "It sends thousands of mails."}


def test_an_administrator_sees_everybodys_instances(launch: Launch, api: Api, person: Somebody) -> None:
    one, other, token = launch(), launch(), person(ADMINISTRATOR).token
    listed = api.admin.get("/v1/admin/instances?limit=100", token=token).json["items"]
    assert {one.id, other.id} <= {item["id"] for item in listed}
    theirs = api.admin.get(f"/v1/admin/instances?owner_id={one.owner.id}&status=pending", token=token).json["items"]
    assert [(item["id"], item["owner_id"]) for item in theirs] == [(one.id, one.owner.id)]


def test_secrets_are_masked_for_administrators_too(launch: Launch, api: Api, person: Somebody) -> None:
    schema = {"type": "object", "properties": {"key": {"type": "string", "writeOnly": True}}}
    instance = launch(config={"key": "hunter2"}, schema=schema)
    answer = api.admin.get(f"/v1/admin/instances/{instance.id}", token=person(ADMINISTRATOR).token)
    assert answer.json["config"] == {"key": "********"}
    assert answer.json["owner_id"] == instance.owner.id


def test_its_owner_reads_that_an_administrator_stopped_it(launch: Launch, api: Api, person: Somebody) -> None:
    instance, administrator = launch(), person(ADMINISTRATOR)
    path = f"/v1/admin/instances/{instance.id}/stop"
    answer = api.admin.post(path, json=WHY, token=administrator.token)
    assert (answer.status_code, answer.json["desired_state"]) == (202, "stopped")
    last = instance.history()[-1]
    assert (last["reason"], last["actor"]) == ("stopped_by_administrator", administrator.id)
    assert last["message"] == f"It is being stopped, as an administrator asked. {WHY['reason']}"


def test_without_the_role_nothing_can_be_seen_or_stopped(launch: Launch, api: Api) -> None:
    instance = launch()
    token = instance.owner.token
    path = f"/v1/admin/instances/{instance.id}"
    asked = [
        api.admin.get("/v1/admin/instances", token=token),
        api.admin.get(path, token=token),
        api.admin.post(f"{path}/stop", json=WHY, token=token),
    ]
    assert {(answer.status_code, answer.code) for answer in asked} == {(403, "forbidden")}
    assert instance.reasons() == ["created"]


def test_an_instance_that_does_not_exist_is_not_there(api: Api, person: Somebody) -> None:
    token = person(ADMINISTRATOR).token
    path = "/v1/admin/instances/ins_00000000000070008000000000000000"
    assert api.admin.get(path, token=token).status_code == 404
    assert api.admin.post(f"{path}/stop", json=WHY, token=token).code == "instance_not_found"
