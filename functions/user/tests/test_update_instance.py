from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from functions.domain.catalog.tests.making import an_agent, publish
from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets, specs
from functions.domain.instances.redaction import REDACTED
from functions.jobs import converge
from testing.clients import Api
from testing.environment import Environment
from testing.instances import ReplaceSecret
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

Launch = Callable[..., Launched]

SCHEMA: Final = {
    "type": "object",
    "properties": {
        "size": {"type": "integer"},
        "mode": {"type": "string", "default": "fast"},
        "token": {"type": "string", "writeOnly": True},
    },
    "additionalProperties": False,
}


@pytest.fixture
def instance(launch: Launch) -> Launched:
    return launch(config={"size": 1, "token": "hunter2hunter2"}, schema=SCHEMA)


def change(instance: Launched, etag: str | None = "*", media_type: str = "application/json", **fields: Any) -> Response:
    headers = {"Content-Type": media_type} | ({} if etag is None else {"If-Match": etag})
    return instance.api.user.patch(instance.path, json=fields, token=instance.owner.token, headers=headers)


def runs(instance: Launched) -> Launched:
    instance.put(status="'running'", deadline_at="null", observed_generation="generation")
    return instance


def emitted(instance: Launched) -> list[dict[str, Any]]:
    with instance.env.transaction("shared_psql", "relay") as db:
        query = "select data from outbox where subject = %s and type = 'com.botberi.instance.changed.v1' order by seq"
        return list(db.exec_driver_sql(query, (instance.id,)).scalars())


def test_a_config_is_merged_and_becomes_a_new_generation(instance: Launched) -> None:
    answer = change(runs(instance), config={"size": 2, "mode": None}, media_type="application/merge-patch+json")
    assert answer.status_code == 200, answer.text
    assert answer.json["config"] == {"size": 2, "token": REDACTED, "mode": "fast"}
    assert (answer.json["generation"], answer.json["observed_generation"]) == (2, 1)
    assert instance.row()["config"]["token"] == {"secret_version": 1}
    said = answer.json["reason"], answer.json["message"], answer.json["deadline_at"] is not None
    assert said == ("update_requested", "It is being changed, as its owner asked.", True)
    last = instance.history()[-1]
    assert [last[name] for name in ("kind", "previous", "value", "actor")] == [
        "generation",
        "1",
        "2",
        instance.owner.id,
    ]
    assert [(each["fields"], each["generation"]) for each in emitted(instance)] == [(["config"], 2)]


def test_what_serves_is_kept_until_the_new_generation_does(instance: Launched, env: Environment) -> None:
    change(runs(instance), config={"size": 2})
    change(instance, config={"size": 3})
    with env.transaction("shared_psql", "worker") as db:
        kept = [specs.find(SharedDb(db), instance.id, generation) for generation in (1, 2, 3)]
        assert [each.config["size"] for each in kept if each is not None] == [1, 2, 3]
        specs.observe(SharedDb(db), instance.id, 3)
        assert [specs.find(SharedDb(db), instance.id, generation) is None for generation in (1, 2, 3)] == [1, 1, 0]


def test_rolling_back_wants_what_serves_under_a_new_number(instance: Launched, env: Environment) -> None:
    change(runs(instance), config={"size": 2}, limits={"processes": 3})
    with env.transaction("shared_psql", "worker") as db:
        assert specs.roll_back(SharedDb(db), instance.id) == 3
        assert specs.roll_back(SharedDb(db), instance.id) is None
        kept = specs.find(SharedDb(db), instance.id, 3)
        assert [specs.find(SharedDb(db), instance.id, generation) for generation in (1, 2)] == [None, None]
    assert kept is not None
    assert (kept.config["size"], kept.limits) == (1, {})
    shown = instance.read()
    assert (shown["generation"], shown["observed_generation"], shown["config"]["size"]) == (3, 3, 1)


def test_what_never_ran_has_nothing_to_be_rolled_back_to(instance: Launched, env: Environment) -> None:
    change(instance, config={"size": 2})
    with env.transaction("shared_psql", "worker") as db:
        assert specs.roll_back(SharedDb(db), instance.id) is None


def test_name_and_labels_are_others_at_once_and_nothing_is_started_for_it(instance: Launched) -> None:
    runs(instance)
    assert change(instance, labels={"team": "blue", "tier": "gold"}).json["labels"] == {"team": "blue", "tier": "gold"}
    answer = change(instance, name="Another", labels={"tier": None})
    assert (answer.json["name"], answer.json["labels"]) == ("Another", {"team": "blue"})
    assert (answer.json["generation"], answer.json["reason"]) == (1, "created")
    assert [(each["fields"], each["generation"]) for each in emitted(instance)] == [
        (["labels"], 1),
        (["labels", "name"], 1),
    ]


def test_limits_are_a_new_generation_and_null_takes_one_back(instance: Launched) -> None:
    assert change(instance, limits={"processes": 3, "memory_bytes": 1 << 26}).json["generation"] == 2
    answer = change(instance, limits={"processes": None})
    assert (answer.json["limits"], answer.json["generation"]) == ({"memory_bytes": 1 << 26}, 3)


def test_what_does_not_concern_the_config_needs_no_master_key(
    instance: Launched, replace_secret: ReplaceSecret
) -> None:
    replace_secret(config_secrets.KEYS_NAME, None)
    answer = change(instance, name="Another", labels={"team": "blue"}, limits={"processes": 3})
    assert (answer.status_code, answer.json["name"], answer.json["limits"]) == (200, "Another", {"processes": 3})
    assert change(instance, config={"size": 2}).code == "secrets_unavailable"


def test_null_takes_all_of_an_object_away_and_is_refused_for_what_has_to_be_there(instance: Launched) -> None:
    change(runs(instance), labels={"tier": "gold"}, limits={"processes": 8})
    answer = change(instance, labels=None, limits=None, config=None)
    assert (answer.status_code, answer.json["labels"], answer.json["limits"]) == (200, {}, {})
    # But for what has a default.
    assert answer.json["config"] == {"mode": "fast"}
    refused = change(instance, name=None, channel=None, version=None)
    assert [(error["pointer"], error["code"]) for error in refused.json["errors"]] == [
        (f"/{name}", "not_removable") for name in ("name", "channel", "version")
    ]


def test_what_is_so_already_changes_nothing(instance: Launched) -> None:
    before = instance.read()
    # What a change answers with doesn't tell it.
    del before["awake_children"]
    assert change(instance, name=before["name"], labels={"none": None}, config={"size": 1}, limits={}).json == before
    assert emitted(instance) == []


def test_another_version_is_checked_with_its_own_schema(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    slug = an_agent(env)
    publish(env, slug, "1.0.0", config_schema=SCHEMA)
    publish(env, slug, "2.0.0", config_schema={**SCHEMA, "required": ["size"]})
    publish(env, slug, "3.0.0", config_schema={**SCHEMA, "properties": {"mode": {"writeOnly": True}}})
    wanted = {"agent": slug, "name": "Mine", "version": "1.0.0"}
    owner = person()
    made = api.user.post("/v1/instances", json=wanted, token=owner.token)
    instance = Launched(made.json["id"], owner, api, env)
    refused = change(instance, version="2.0.0")
    assert (refused.code, [each["pointer"] for each in refused.json["errors"]]) == ("config_invalid", ["/config/size"])
    moved = change(instance, version="2.0.0", config={"size": 5})
    assert (moved.json["version"], moved.json["config"]["size"], moved.json["generation"]) == ("2.0.0", 5, 2)
    assert emitted(instance)[-1]["fields"] == ["config", "version"]
    latest = change(instance, channel="stable", config={"size": None})
    assert (latest.json["version"], latest.json["config"]) == ("3.0.0", {"mode": REDACTED})
    for fields, pointer in ({"version": "9.9.9"}, "/version"), ({"channel": "beta"}, "/channel"):
        assert [each["pointer"] for each in change(instance, **fields).json["errors"]] == [pointer]
    assert change(instance, version="1.0.0", channel="stable").code == "version_ambiguous"


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"config": {"size": "big"}}, ["/config/size"]),
        ({"config": {"token": REDACTED}}, ["/config/token"]),
        ({"config": {"more": 1}}, ["/config/more"]),
        ({"name": "  "}, ["/name"]),
        ({"name": "a\u200bb"}, ["/name"]),
        ({"labels": {"Team": "x"}}, ["/labels/Team/[key]"]),
        ({"labels": {"team": "a b"}}, ["/labels/team"]),
        ({"labels": {f"l{number}": "" for number in range(33)}}, ["/labels"]),
        ({"limits": {"memory_bytes": 1}}, ["/limits/memory_bytes"]),
        ({"limits": {"threads": 1}}, ["/limits/threads"]),
        ({"agent": "echo"}, ["/agent"]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changes(
    instance: Launched, fields: dict[str, Any], pointers: list[str]
) -> None:
    before = instance.row()
    answer = change(instance, **fields)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == pointers
    assert instance.row() == before


def test_nobody_s_change_is_overwritten_unseen(instance: Launched) -> None:
    etag = str(instance.api.user.get(instance.path, token=instance.owner.token).headers["ETag"])
    assert change(instance, etag=None, name="x").code == "precondition_required"
    assert change(instance, etag='"0"', name="x").code == "instance_changed_meanwhile"
    first = change(instance, etag=etag, name="First")
    assert (first.status_code, first.headers["ETag"] == etag) == (200, False)
    assert change(instance, etag=etag, name="Second").code == "instance_changed_meanwhile"
    assert change(instance, etag=f'"0", {first.headers["ETag"]}', name="Third").status_code == 200
    assert instance.read()["name"] == "Third"


def test_of_changes_that_cross_each_holds_or_is_refused(instance: Launched) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda size: change(instance, config={"size": size}), range(10, 16)))
    held = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 412}
    assert instance.read()["generation"] == 1 + len(held)


def test_what_is_deleted_can_not_be_changed(instance: Launched) -> None:
    instance.ask("delete")
    answer = change(instance, name="Another")
    assert (answer.status_code, answer.code) == (409, "instance_deleted")


def test_an_instance_that_is_stopped_is_changed_for_its_next_start(instance: Launched) -> None:
    instance.put(status="'stopped'", desired_state="'stopped'", deadline_at="null", message="'Stopped.'")
    answer = change(instance, config={"size": 7})
    assert (answer.json["generation"], answer.json["message"], answer.json["deadline_at"]) == (2, "Stopped.", None)


def test_an_instance_of_an_agent_that_is_no_longer_listed_can_be_changed(
    api: Api, env: Environment, instance: Launched
) -> None:
    with env.transaction("shared_psql", "migrator") as db:
        query = "update agents set listed = false where id = (select agent_id from instances where id = %s)"
        db.exec_driver_sql(query, (instance.id,))
    assert change(instance, config={"size": 4}).json["config"]["size"] == 4


def test_a_restart_is_a_new_generation_of_the_same(instance: Launched) -> None:
    before = runs(instance).read()
    answer = instance.ask("restart")
    assert (answer.status_code, answer.json["reason"], answer.json["generation"]) == (202, "restart_requested", 2)
    assert answer.json["config"] == before["config"]
    assert [each["reason"] for each in emitted(instance)] == ["restart_requested"]


def test_a_restart_starts_what_is_stopped(instance: Launched) -> None:
    instance.ask("stop")
    assert instance.ask("restart").json["desired_state"] == "running"
    kinds = [(event["kind"], event["reason"]) for event in instance.history()][-2:]
    assert kinds == [("desired_state", "restart_requested"), ("generation", "restart_requested")]


COUNTS: Final = """
import json, os
config, count = json.load(open(os.environ["AGENT_CONFIG"])), iter(range(9))
def agent(request):
    return {"text": f"{config['size']} {next(count)}"}
"""


def kept(instance: Launched) -> list[int]:
    with instance.env.transaction("shared_psql", "worker") as db:
        query = "select generation from instance_specs where instance_id = %s order by 1"
        return list(db.exec_driver_sql(query, (instance.id,)).scalars())


def test_a_change_and_a_restart_take_effect_and_what_was_before_is_forgotten(launch: Launch) -> None:
    instance = launch(COUNTS, {"size": 1})
    converge.converge(instance.id)
    assert [instance.say("how many?").json["text"] for _ in range(2)] == ["1 0", "1 1"]
    change(instance, config={"size": 2})
    assert kept(instance) == [1, 2]
    converge.converge(instance.id)
    shown = instance.read()
    assert (shown["status"], shown["observed_generation"], kept(instance)) == ("running", 2, [2])
    assert [each["type"] for each in shown["conditions"] if each["holds"]] == ["ready", "up_to_date", "settled"]
    assert [instance.say("how many?").json["text"] for _ in range(2)] == ["2 0", "2 1"]
    instance.ask("restart")
    converge.converge(instance.id)
    assert instance.say("how many?").json["text"] == "2 0"
    instance.ask("delete")
    converge.converge(instance.id)
    assert (instance.status, kept(instance)) == ("deleted", [])


def test_what_is_created_can_be_labelled_and_limited(api: Api, person: Callable[..., Person], env: Environment) -> None:
    wanted = {"agent": an_agent(env, "1.0.0"), "name": "x", "labels": {"team": "red"}, "limits": {"processes": 2}}
    made = api.user.post("/v1/instances", json=wanted, token=person().token)
    assert (made.json["labels"], made.json["limits"]) == ({"team": "red"}, {"processes": 2})
    assert (made.json["generation"], made.json["observed_generation"]) == (1, None)
