from collections.abc import Callable
from typing import Any, Final

import pytest

from functions.local.testing.clients import Api
from functions.local.testing.launches import Launched
from functions.local.testing.people import Person
from functions.local.testing.world import World

SCHEMA: Final = {
    "type": "object",
    "properties": {"size": {"type": "integer"}, "token": {"type": "string", "writeOnly": True, "minLength": 8}},
    "required": ["size"],
    "additionalProperties": False,
}


@pytest.fixture
def create(api: Api, person: Callable[..., Person], publish: Callable[..., str]) -> Callable[..., Any]:
    caller, agent = person(), publish(schema=SCHEMA)

    def create(headers: dict[str, str] | None = None, **fields: Any) -> Any:  # noqa: ANN401 - JSON
        body = {"agent": agent, "name": "A test", "config": {"size": 1}} | fields
        return api.user.post("/v1/instances", json=body, token=caller.token, headers=headers)

    return create


Create = Callable[..., Any]


def test_an_instance_is_created_with_its_history_and_its_event(create: Create, world: World) -> None:
    answer = create()
    assert answer.status_code == 201
    assert (answer.json["status"], answer.json["desired_state"]) == ("pending", "running")
    assert answer.json["deadline_at"] > answer.json["created_at"]
    with world.transaction("shared_psql", "relay") as db:
        said = db.exec_driver_sql("select data from outbox where subject = %s", (answer.json["id"],)).scalars().all()
    assert [(data["desired_state"], data["reason"]) for data in said] == [("running", "created")]


def test_every_error_of_a_config_is_at_its_field(create: Create) -> None:
    answer = create(config={"size": "big", "token": "short", "more": 1})
    assert (answer.status_code, answer.code) == (422, "config_invalid")
    found = {error["pointer"]: error["code"] for error in answer.json["errors"]}
    assert found == {"/config/size": "type", "/config/token": "min_length", "/config/more": "unknown"}
    assert "short" not in answer.text


def test_a_secret_of_a_config_is_never_shown(create: Create, world: World) -> None:
    answer = create(config={"size": 1, "token": "hunter2hunter2"})
    assert answer.json["config"] == {"size": 1, "token": "********"}
    with world.transaction("shared_psql", "relay") as db:
        query = "select data::text from outbox where subject = %s"
        said = db.exec_driver_sql(query, (answer.json["id"],)).scalars().all()
    assert "hunter2" not in str(said)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"agent": "no-such-agent"}, "/agent"),
        ({"agent": "NO"}, "/agent"),
        ({"version": "9.9.9"}, "/version"),
        ({"version": "nine"}, "/version"),
        ({"channel": "beta"}, "/channel"),
        ({"channel": "nightly"}, "/channel"),
        ({"name": ""}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"config": []}, "/config"),
        ({"more": 1}, "/more"),
    ],
)
def test_what_is_wrong_is_named(create: Create, fields: dict[str, Any], pointer: str) -> None:
    answer = create(**fields)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_channel_and_version_exclude_each_other(create: Create) -> None:
    assert create(channel="stable", version="1.0.0").status_code == 422
    assert create(version="1.0.0").json["version"] == "1.0.0"
    assert create(channel="stable").status_code == 201


def test_the_same_request_twice_creates_one(create: Create) -> None:
    key = {"Idempotency-Key": "one"}
    assert create(key).json["id"] == create(key).json["id"]
    assert create(key, name="Another").code == "idempotency_key_reused"


def test_an_instance_is_listed_by_status_and_deleted_ones_only_on_request(
    launch: Callable[..., Launched], api: Api
) -> None:
    instance = launch()
    token = instance.owner.token

    def ids(query: str = "") -> list[str]:
        return [item["id"] for item in api.user.get(f"/v1/instances{query}", token=token).json["items"]]

    assert ids() == ids("?status=pending") == [instance.id]
    assert ids("?status=running") == []
    instance.put(status="'deleted'", desired_state="'deleted'")
    assert ids() == []
    assert ids("?status=deleted") == [instance.id]
    assert api.user.get("/v1/instances?status=asleep", token=token).status_code == 422


def test_instances_are_paged_newest_first(api: Api, person: Callable[..., Person], publish: Callable[..., str]) -> None:
    caller, agent = person(), publish()
    body = {"agent": agent, "name": "A test"}
    made = [api.user.post("/v1/instances", json=body, token=caller.token).json["id"] for _ in range(3)]
    first = api.user.get("/v1/instances?limit=2", token=caller.token).json
    second = api.user.get(f"/v1/instances?limit=2&cursor={first['next_cursor']}", token=caller.token).json
    assert sorted(item["id"] for item in first["items"] + second["items"]) == sorted(made)
    assert second["next_cursor"] is None


def test_an_instance_is_read_with_an_etag(launch: Callable[..., Launched], api: Api) -> None:
    instance = launch()
    etag = api.user.get(instance.path, token=instance.owner.token).headers["ETag"]
    again = api.user.get(instance.path, token=instance.owner.token, headers={"If-None-Match": etag})
    assert again.status_code == 304
    instance.ask("stop")
    assert api.user.get(instance.path, token=instance.owner.token).headers["ETag"] != etag
