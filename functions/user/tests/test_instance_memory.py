"""What agents remember, through their owners' eyes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.domain.instances import memory, quotas
from functions.jobs import converge
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

Launch = Callable[..., Launched]


@pytest.fixture
def instance(launch: Launch) -> Launched:
    return launch()


def put(instance: Launched, key: str, value: Any, **headers: str) -> Response:
    path = f"{instance.path}/memory/{key}"
    return instance.api.user.put(path, json={"value": value}, token=instance.owner.token, headers=headers)


def get(instance: Launched, key: str) -> Response:
    return instance.api.user.get(f"{instance.path}/memory/{key}", token=instance.owner.token)


def delete(instance: Launched, key: str, **headers: str) -> Response:
    return instance.api.user.delete(f"{instance.path}/memory/{key}", token=instance.owner.token, headers=headers)


def used(instance: Launched) -> int:
    answer = instance.api.user.get("/v1/me/usage", token=instance.owner.token)
    return int(answer.json["usage"]["agent_memory_bytes"]["used"])


@pytest.mark.parametrize("value", [None, False, "blue \U0001f535", 1.5, [], {"a": [1, {"b": None}]}])
def test_what_is_written_is_read_as_it_was(instance: Launched, value: Any) -> None:
    assert put(instance, "a.key~_-1", value).json["value"] == value
    answer = get(instance, "a.key~_-1")
    assert (answer.json["value"], answer.headers["ETag"], answer.json["row_version"]) == (value, '"1"', 1)


def test_each_change_is_a_new_version_and_who_says_which_they_mean_changes_no_other(instance: Launched) -> None:
    assert put(instance, "colour", "blue", **{"If-None-Match": "*"}).headers["ETag"] == '"1"'
    assert put(instance, "colour", "red", **{"If-None-Match": "*"}).code == "memory_changed_meanwhile"
    assert put(instance, "colour", "red", **{"If-Match": '"1"'}).headers["ETag"] == '"2"'
    assert delete(instance, "colour", **{"If-Match": '"1"'}).status_code == 412
    assert get(instance, "colour").json["value"] == "red"
    assert delete(instance, "colour", **{"If-Match": '"2"'}).status_code == 204
    assert get(instance, "colour").code == "memory_entry_not_found"
    assert delete(instance, "colour").status_code == 204


def test_the_list_has_keys_in_their_order_and_not_what_is_behind_them(instance: Launched) -> None:
    for key in ("b", "A", "a"):
        put(instance, key, "x" * 10)
    path, token = f"{instance.path}/memory?limit=2", instance.owner.token
    first = instance.api.user.get(path, token=token).json
    second = instance.api.user.get(f"{path}&cursor={first['next_cursor']}", token=token).json
    assert [each["key"] for each in (*first["items"], *second["items"])] == ["A", "a", "b"]
    assert {each["bytes"] for each in first["items"]} == {1 + 12 + memory.ENTRY_BYTES}
    assert "value" not in first["items"][0]


def test_what_is_too_long_too_deep_or_has_no_key_is_refused(instance: Launched) -> None:
    assert put(instance, "a", "ä" * (memory.VALUE_BYTES // 2 - 1)).status_code == 200
    assert put(instance, "a", "ä" * (memory.VALUE_BYTES // 2)).code == "memory_value_invalid"
    deep: Any = 0
    for _ in range(memory.DEPTH + 1):
        deep = [deep]
    assert put(instance, "a", deep).code == "memory_value_invalid"
    assert put(instance, "a", "\0").status_code == 422
    for key in ("...", "a b", "%C3%A4", "x" * 257):
        assert put(instance, key, 1).status_code == 404
    assert put(instance, "x" * 256, 1).status_code == 200


def test_an_account_has_as_much_as_it_may_however_many_write(
    instance: Launched, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    each = 2 + 2 + memory.ENTRY_BYTES
    monkeypatch.setenv(quotas.MEMORY_SETTING, str(10 * each))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: put(instance, f"{number:02}", 11).status_code, range(20)))
    assert sorted(answers) == [200] * 10 + [403] * 10
    assert used(instance) == 10 * each
    monkeypatch.setenv(quotas.MEMORY_SETTING, "1")
    kept = instance.api.user.get(f"{instance.path}/memory", token=instance.owner.token).json["items"][0]["key"]
    assert put(instance, kept, 1).status_code == 200, "what becomes less is kept"
    assert put(instance, kept, 11).code == "quota_exceeded"
    administrator = person(("user", "admin"))
    body = {"limits": {"agent_memory_bytes": 1 << 20}, "reason": "A test needs it."}
    path = f"/v1/admin/accounts/{instance.owner.id}/limits"
    instance.api.admin.put(path, json=body, token=administrator.token, headers={"If-Match": "*"})
    assert put(instance, kept, 11).status_code == 200


def test_deleting_an_instance_deletes_what_its_agent_remembers(instance: Launched) -> None:
    put(instance, "colour", "blue")
    instance.ask("delete")
    converge.converge(instance.id)
    assert used(instance) == 0
    with instance.env.transaction("shared_psql", "migrator") as db:
        query = "select from agent_memory where instance_id = %s"
        assert db.exec_driver_sql(query, (instance.id,)).rowcount == 0
    assert put(instance, "colour", "blue").status_code == 404
