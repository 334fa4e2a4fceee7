"""Secrets of instances, through their owner's eyes, and as they rest."""

import json
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from functions.domain.catalog.tests.making import an_agent, publish
from functions.domain.databases import SharedDb
from functions.domain.encryption import new_key
from functions.domain.instances import config_secrets, specs, told
from functions.domain.instances.config_secrets import SecretsUnavailable
from functions.domain.instances.configs import MAX_PLACE, MAX_SECRETS
from functions.domain.instances.redaction import REDACTED
from functions.jobs import converge
from testing.clients import Api
from testing.environment import Environment
from testing.instances import ReplaceSecret
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

Launch = Callable[..., Launched]

FIRST, SECOND, THIRD = "first-hunter2", "second-hunter2", "third-hunter2"

SECRET: Final = {"type": "string", "minLength": 8, "writeOnly": True}
SCHEMA: Final = {
    "type": "object",
    "properties": {
        "size": {"type": "integer"},
        "token": SECRET,
        "spare": SECRET,
        "needed": SECRET | {"default": "none so far"},
        "logins": {"type": "array", "items": {"properties": {"name": {"type": "string"}, "password": SECRET}}},
    },
    "additionalProperties": False,
}


@pytest.fixture
def instance(launch: Launch) -> Launched:
    return launch(config={"size": 1, "token": FIRST}, schema=SCHEMA)


def put(instance: Launched, name: str, value: Any, **headers: str) -> Response:
    body, path = {"value": value}, f"{instance.path}/secrets/{name}"
    return instance.api.user.put(path, json=body, token=instance.owner.token, headers=headers)


def delete(instance: Launched, name: str, **headers: str) -> Response:
    return instance.api.user.delete(f"{instance.path}/secrets/{name}", token=instance.owner.token, headers=headers)


def listed(instance: Launched) -> dict[str, int]:
    answer = instance.api.user.get(f"{instance.path}/secrets", token=instance.owner.token)
    assert answer.status_code == 200, answer.text
    return {each["name"]: each["version"] for each in answer.json["items"]}


def whole(instance: Launched) -> dict[str, Any]:
    """Return the config that the agent is told."""
    with instance.env.transaction("shared_psql", "worker") as db:
        return told.wanted(SharedDb(db), instance.id).config


def kept(instance: Launched) -> set[tuple[str, int]]:
    with instance.env.transaction("shared_psql", "worker") as db:
        query = "select place, version from instance_secrets where instance_id = %s"
        return {(row[0], row[1]) for row in db.exec_driver_sql(query, (instance.id,))}


def test_a_secret_is_stored_apart_from_the_config_and_reaches_the_agent(instance: Launched) -> None:
    assert instance.row()["config"]["token"] == {"secret_version": 1}
    assert instance.read()["config"] == {"size": 1, "token": REDACTED, "needed": REDACTED}
    assert json.dumps(whole(instance)) == json.dumps({"size": 1, "token": FIRST, "needed": "none so far"})
    assert listed(instance) == {"needed": 1, "token": 1}


def test_a_new_value_is_a_new_version_and_a_new_generation(instance: Launched) -> None:
    answer = put(instance, "token", SECOND)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"'), answer.text
    assert (answer.json["name"], answer.json["version"]) == ("token", 2)
    assert SECOND not in answer.text
    assert (whole(instance)["token"], instance.read()["generation"]) == (SECOND, 2)
    assert listed(instance) == {"needed": 1, "token": 2}
    assert instance.history()[-1]["reason"] == "update_requested"


def test_the_same_value_again_changes_nothing(instance: Launched) -> None:
    answer = put(instance, "token", FIRST)
    assert (answer.headers["ETag"], instance.read()["generation"]) == ('"1"', 1)


def test_a_secret_that_was_not_set_can_be_set_and_one_that_was_deleted_is_gone(instance: Launched) -> None:
    assert put(instance, "spare", SECOND).json["version"] == 2
    assert delete(instance, "token").status_code == 204
    assert whole(instance) == {"size": 1, "needed": "none so far", "spare": SECOND}
    assert listed(instance) == {"needed": 1, "spare": 2}
    assert delete(instance, "token").status_code == 204
    assert instance.read()["generation"] == 3


def test_what_is_deleted_has_its_default_again(instance: Launched) -> None:
    put(instance, "needed", SECOND)
    assert delete(instance, "needed").status_code == 204
    assert whole(instance)["needed"] == "none so far"
    assert listed(instance)["needed"] == 3


@pytest.mark.parametrize("name", ["size", "logins", "other", "Token", "token~1", "logins~10~1password"])
def test_what_the_schema_calls_no_secret_is_not_one(instance: Launched, name: str) -> None:
    for answer in put(instance, name, SECOND), delete(instance, name):
        assert (answer.status_code, answer.code) == (422, "unknown_secret")
    assert put(instance, "x" * (MAX_PLACE + 1), SECOND).status_code == 404


@pytest.mark.parametrize("value", ["short", 5, None, ["a secret in a list"], REDACTED, "a\x00b hunter2"])
def test_a_value_that_does_not_fit_is_refused_and_not_repeated(instance: Launched, value: Any) -> None:
    before = instance.row()
    answer = put(instance, "token", value)
    assert (answer.status_code, [each["pointer"] for each in answer.json["errors"]]) == (422, ["/value"])
    assert "hunter2" not in answer.text
    assert instance.row() == before


def test_a_secret_that_is_required_is_not_deleted(launch: Launch) -> None:
    instance = launch(config={"token": FIRST}, schema=SCHEMA | {"required": ["token"]})
    answer = delete(instance, "token")
    assert (answer.code, [each["pointer"] for each in answer.json["errors"]]) == ("config_invalid", ["/config/token"])
    assert whole(instance)["token"] == FIRST


def test_who_says_which_version_they_mean_changes_no_other(instance: Launched) -> None:
    assert put(instance, "token", SECOND, **{"If-Match": '"7"'}).code == "secret_changed_meanwhile"
    assert put(instance, "token", SECOND, **{"If-None-Match": "*"}).status_code == 412
    assert put(instance, "spare", SECOND, **{"If-Match": "*"}).status_code == 412
    assert delete(instance, "token", **{"If-Match": '"7"'}).status_code == 412
    assert listed(instance) == {"needed": 1, "token": 1}
    assert put(instance, "token", SECOND, **{"If-Match": '"1"'}).status_code == 200
    assert put(instance, "spare", SECOND, **{"If-None-Match": "*"}).status_code == 200
    assert delete(instance, "token", **{"If-Match": "*"}).status_code == 204


def test_a_change_of_the_config_leaves_the_secrets_that_it_does_not_name(instance: Launched) -> None:
    patch = {"config": {"size": 2, "spare": SECOND, "logins": [{"name": "a", "password": THIRD}]}}
    answer = instance.api.user.patch(instance.path, json=patch, token=instance.owner.token, headers={"If-Match": "*"})
    assert answer.json["config"]["logins"] == [{"name": "a", "password": REDACTED}]
    assert listed(instance) == {"logins/0/password": 2, "needed": 1, "spare": 2, "token": 1}
    assert whole(instance) == {
        "size": 2,
        "token": FIRST,
        "needed": "none so far",
        "spare": SECOND,
        "logins": [{"name": "a", "password": THIRD}],
    }


def test_rolling_back_has_the_values_of_before_and_a_later_one_is_a_later_version(instance: Launched) -> None:
    instance.put(status="'running'", deadline_at="null", observed_generation="generation")
    put(instance, "token", SECOND)
    with instance.env.transaction("shared_psql", "worker") as db:
        specs.roll_back(SharedDb(db), instance.id)
    assert (whole(instance)["token"], listed(instance)["token"]) == (FIRST, 1)
    assert kept(instance) == {("/needed", 1), ("/token", 1)}
    assert put(instance, "token", THIRD).json["version"] == 4


def test_a_version_goes_with_the_last_generation_that_has_it(instance: Launched) -> None:
    put(instance, "token", SECOND)
    put(instance, "token", THIRD)
    assert kept(instance) == {("/needed", 1), ("/token", 1), ("/token", 2), ("/token", 3)}
    for generation, left in (2, {2, 3}), (3, {3}):
        with instance.env.transaction("shared_psql", "worker") as db:
            specs.observe(SharedDb(db), instance.id, generation)
        assert kept(instance) == {("/needed", 1), *(("/token", version) for version in left)}
    assert whole(instance)["token"] == THIRD


def test_nothing_is_left_of_the_secrets_of_what_is_deleted(instance: Launched) -> None:
    put(instance, "token", SECOND)
    instance.put(config="'{}'", secret_places="'{}'", status="'deleted'", deadline_at="null")
    with instance.env.transaction("shared_psql", "worker") as db:
        specs.forget(SharedDb(db), instance.id)
    assert kept(instance) == set()


@pytest.mark.parametrize("column", ["instance_id", "place", "version"])
def test_a_row_that_is_moved_opens_nowhere(launch: Launch, instance: Launched, column: str) -> None:
    other = launch(config={}, schema=SCHEMA)
    here = {"instance_id": instance.id, "place": "/token", "version": 1}
    there = here | {column: {"instance_id": other.id, "place": "/spare", "version": 2}[column]}
    with instance.env.transaction("shared_psql", "migrator") as db:
        moved = f"update instance_secrets set {column} = %s where instance_id = %s and place = '/token'"
        db.exec_driver_sql(moved, (there[column], instance.id))
        place = str(there["place"])
        with pytest.raises(SecretsUnavailable) as refused:
            config_secrets.unsealed(
                SharedDb(db), str(there["instance_id"]), {place[1:]: {"secret_version": there["version"]}}, [place]
            )
        assert "something else" in str(refused.value.__cause__)


def test_a_secret_stays_one_in_a_version_that_calls_it_none(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    slug = an_agent(env)
    plain = {**SCHEMA, "properties": {**SCHEMA["properties"], "token": {"type": "string"}}}  # type: ignore[dict-item]
    for number, schema in ("1.0.0", SCHEMA), ("2.0.0", plain):
        publish(env, slug, number, config_schema=schema)
    owner = person()
    wanted = {"agent": slug, "name": "Mine", "version": "1.0.0", "config": {"token": FIRST}}
    instance = Launched(api.user.post("/v1/instances", json=wanted, token=owner.token).json["id"], owner, api, env)
    headers = {"If-Match": "*"}
    moved = api.user.patch(instance.path, json={"version": "2.0.0"}, token=owner.token, headers=headers)
    assert (moved.json["config"]["token"], whole(instance)["token"]) == (REDACTED, FIRST)
    shown = api.user.patch(instance.path, json={"config": {"token": "not one"}}, token=owner.token, headers=headers)
    assert (shown.json["config"]["token"], listed(instance)) == ("not one", {"needed": 1})


def test_where_all_of_a_config_is_secret_each_setting_is_one(launch: Launch) -> None:
    instance = launch(config={"a/b": FIRST, "size": 3}, schema={"type": "object", "writeOnly": True})
    assert instance.row()["config"] == {"a/b": {"secret_version": 1}, "size": {"secret_version": 1}}
    assert put(instance, "size", 4).status_code == 200
    assert (listed(instance), whole(instance)) == ({"a~1b": 1, "size": 2}, {"a/b": FIRST, "size": 4})


def test_a_config_may_have_so_many_secrets_and_their_names_be_so_long(
    api: Api, env: Environment, person: Callable[..., Person], launch: Launch
) -> None:
    schema = {"type": "object", "additionalProperties": {"writeOnly": True}}
    instance = launch(config={f"key{number}": number for number in range(MAX_SECRETS)}, schema=schema)
    assert len(kept(instance)) == MAX_SECRETS
    refused = put(instance, "another", 1)
    assert [(each["pointer"], each["code"]) for each in refused.json["errors"]] == [("/config", "too_large")]
    with pytest.raises(AssertionError, match="too_long"):
        launch(config={"x" * MAX_PLACE: 1}, schema=schema)
    assert launch(config={"x" * (MAX_PLACE - 1): 1}, schema=schema).status == "pending"


def test_the_list_comes_in_pages(launch: Launch) -> None:
    schema = {"type": "object", "additionalProperties": {"writeOnly": True}}
    instance = launch(config={f"key{number}": number for number in range(5)}, schema=schema)
    names: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        path = f"{instance.path}/secrets?limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = instance.api.user.get(path, token=instance.owner.token).json
        names += [each["name"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert names == [f"key{number}" for number in range(5)]


def test_nobody_else_sees_or_sets_them(instance: Launched, person: Callable[..., Person]) -> None:
    other = Launched(instance.id, person(), instance.api, instance.env)
    assert put(other, "token", SECOND).status_code == delete(other, "token").status_code == 404
    assert instance.api.user.get(f"{instance.path}/secrets", token=other.owner.token).status_code == 404
    assert whole(instance)["token"] == FIRST


def test_of_changes_that_cross_each_holds_or_is_refused(instance: Launched) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: put(instance, "token", f"hunter2-{number}"), range(4)))
    held = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 412}
    assert instance.read()["generation"] == 1 + len(held)
    assert f"hunter2-{answers.index(max(held, key=lambda each: each.json['version']))}" == whole(instance)["token"]


def test_what_is_deleted_has_no_secrets_set(instance: Launched) -> None:
    instance.ask("delete")
    assert put(instance, "token", SECOND).code == "instance_deleted"


ASKED: Final[dict[str, Callable[[Launched], Response]]] = {
    "create_instance": lambda it: it.api.user.post(
        "/v1/instances",
        json={"agent": it.read()["agent"], "name": "Another", "config": {"token": SECOND}},
        token=it.owner.token,
    ),
    "update_instance": lambda it: it.api.user.patch(
        it.path, json={"config": {"size": 2}}, token=it.owner.token, headers={"If-Match": "*"}
    ),
    "set_instance_secret": lambda it: put(it, "token", SECOND),
    "delete_instance_secret": lambda it: delete(it, "spare"),
}
"""What needs an instance's secrets, by the function's name."""


Case = tuple[str | None, str, Collection[str]]
"""What the secret holds, what operators are told, and what needs it."""


@pytest.mark.parametrize(
    "case",
    [
        (None, f"the secret {config_secrets.KEYS_NAME} is missing", ASKED.keys()),
        ("no key", f"the secret {config_secrets.KEYS_NAME} holds a line that is no key", ASKED.keys()),
        (new_key(), f"isn't in the secret {config_secrets.KEYS_NAME}: add it", ASKED.keys() - {"create_instance"}),
    ],
    ids=["missing", "no keys", "others"],
)
def test_without_master_keys_people_are_told_whose_task_it_is_and_operators_what_to_do(
    instance: Launched, replace_secret: ReplaceSecret, caplog: pytest.LogCaptureFixture, case: Case
) -> None:
    keys, remedy, asked = case
    converge.converge(instance.id)
    replace_secret(config_secrets.KEYS_NAME, keys)
    for name in asked:
        caplog.clear()
        answer = ASKED[name](instance)
        assert (name, answer.status_code, answer.code) == (name, 503, "secrets_unavailable")
        assert remedy in caplog.text
        assert config_secrets.KEYS_NAME not in answer.text
        assert FIRST not in caplog.text
    said = instance.say("hello")
    assert (said.json["status"], said.json["reason"]) == ("failed", "secrets_unavailable")
    assert remedy in caplog.text
    assert config_secrets.KEYS_NAME not in said.text
    assert instance.status == "running"
