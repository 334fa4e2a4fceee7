import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.catalog.tests.making import an_agent, change
from functions.domain.catalog.tests.making import publish as publish_version
from functions.domain.catalog.versions import in_share
from functions.domain.databases import SharedDb
from functions.domain.instances import told
from functions.domain.instances.redaction import REDACTED
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

SCHEMA: Final = {
    "type": "object",
    "properties": {"size": {"type": "integer"}, "token": {"type": "string", "writeOnly": True, "minLength": 8}},
    "required": ["size"],
    "additionalProperties": False,
}


@pytest.fixture
def create(api: Api, person: Callable[..., Person], publish: Callable[..., str]) -> Callable[..., Any]:
    caller, agent = person(), publish(schema=SCHEMA)

    def create(headers: dict[str, str] | None = None, **fields: Any) -> Any:
        body = {"agent": agent, "name": "A test", "config": {"size": 1}} | fields
        return api.user.post("/v1/instances", json=body, token=caller.token, headers=headers)

    return create


Create = Callable[..., Any]


def test_an_instance_is_created_with_its_history_and_its_event(create: Create, env: Environment) -> None:
    answer = create()
    assert answer.status_code == 201
    assert (answer.json["status"], answer.json["desired_state"]) == ("pending", "running")
    assert answer.json["deadline_at"] > answer.json["created_at"]
    with env.transaction("shared_psql", "relay") as db:
        said = db.exec_driver_sql("select data from outbox where subject = %s", (answer.json["id"],)).scalars().all()
    assert [(data["desired_state"], data["reason"]) for data in said] == [("running", "created")]


def test_every_error_of_a_config_is_at_its_field(create: Create) -> None:
    answer = create(config={"size": "big", "token": "short", "more": 1})
    assert (answer.status_code, answer.code) == (422, "config_invalid")
    found = {error["pointer"]: error["code"] for error in answer.json["errors"]}
    assert found == {"/config/size": "type", "/config/token": "min_length", "/config/more": "unknown"}
    assert "short" not in answer.text


def test_a_secret_of_a_config_is_never_shown(create: Create, env: Environment) -> None:
    answer = create(config={"size": 1, "token": "hunter2hunter2"})
    assert answer.json["config"] == {"size": 1, "token": "********"}
    with env.transaction("shared_psql", "relay") as db:
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
        ({"name": "  "}, "/name"),
        ({"name": "\u200c\u200d"}, "/name"),
        ({"name": "a\u200bb"}, "/name"),
        ({"name": "gpj.\u202egnp"}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"config": []}, "/config"),
        ({"more": 1}, "/more"),
    ],
)
def test_what_is_wrong_is_named(create: Create, fields: dict[str, Any], pointer: str) -> None:
    answer = create(**fields)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize(
    "name",
    ["x", " x ", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u65e5\u672c", "\U0001f468\u200d\U0001f469"],
)
def test_a_name_may_be_of_any_script(create: Create, name: str) -> None:
    assert create(name=name).json["name"] == name


def test_channel_and_version_exclude_each_other(create: Create) -> None:
    both = create(channel="stable", version="1.0.0")
    assert (both.status_code, both.code) == (422, "version_ambiguous")
    assert both.json["errors"] == [
        {"pointer": "/version", "code": "version_ambiguous", "message": "Give a channel or a version, not both."}
    ]
    assert create(version="1.0.0").json["version"] == "1.0.0"
    assert create(channel="stable").status_code == 201


def test_the_same_request_twice_creates_one(create: Create) -> None:
    key = {"Idempotency-Key": "one"}
    assert create(key).json["id"] == create(key).json["id"]
    assert create(key, name="Another").code == "idempotency_key_reused"


def test_the_same_request_gets_its_answer_also_when_it_would_be_refused_by_now(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    slug, caller = an_agent(env, "1.0.0"), person()

    def create(key: str) -> Response:
        body = {"agent": slug, "name": "A test"}
        return api.user.post("/v1/instances", json=body, token=caller.token, headers={"Idempotency-Key": key})

    first = create("one")
    change(env, slug, listed=False)
    assert (create("two").status_code, create("one").text) == (422, first.text)


def test_defaults_are_part_of_the_config(api: Api, publish: Callable[..., str], person: Callable[..., Person]) -> None:
    caller = person()
    mode, key = {"type": "string", "default": "fast"}, {"default": "k3y", "writeOnly": True}
    agent = publish(schema={"type": "object", "properties": {"mode": mode, "key": key}})
    answer = api.user.post("/v1/instances", json={"agent": agent, "name": "A test"}, token=caller.token)
    assert answer.json["config"] == {"mode": "fast", "key": REDACTED}


def test_what_is_shown_can_be_sent_again_unless_it_is_a_mask(create: Create) -> None:
    shown = create(config={"size": 1, "token": "hunter2hunter2"}).json["config"]
    again = create(config=shown)
    assert (again.status_code, again.json["errors"][0]["pointer"]) == (422, "/config/token")
    assert create(config={"size": 1}).json["config"] == create(config={"size": 1}).json["config"]


NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
CONFIGS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4),
    st.recursive(
        NUMBERS | st.booleans() | st.none() | st.sampled_from([1.0, -0.0, 1e300, 1e22, 5e-324, 2**53, "é\n\\"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("zya"), inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)


def test_numbers_and_order_survive_the_way_there_and_back(
    api: Api, env: Environment, publish: Callable[..., str], person: Callable[..., Person]
) -> None:
    caller, agent = person(), publish()

    @settings(max_examples=15, deadline=None, database=None)
    @given(config=CONFIGS)
    def there_and_back(config: dict[str, Any]) -> None:
        made = api.user.post("/v1/instances", json={"agent": agent, "name": "A", "config": config}, token=caller.token)
        path = f"/v1/instances/{made.json['id']}"
        shown = api.user.get(path, token=caller.token).json["config"]
        assert json.dumps(shown) == json.dumps(config)
        with env.transaction("shared_psql", "worker") as db:
            assert json.dumps(told.wanted(SharedDb(db), made.json["id"]).config) == json.dumps(config)

    there_and_back()


EVIL: Final = {
    "unique": ({"uniqueItems": True}, [{"k": number} for number in range(1500)], 201),
    "pattern": ({"pattern": "^(a+)+$"}, "a" * 5000 + "!", 422),
    "names": ({"patternProperties": {"^(a+)+$": {"writeOnly": True}}}, {"a" * 5000 + "!": 1}, 201),
}


def test_others_are_answered_while_somebody_sends_what_is_hard_to_check(
    api: Api, publish: Callable[..., str], person: Callable[..., Person]
) -> None:
    caller, other = person(), person()
    agent = publish(schema={"type": "object", "properties": {name: place for name, (place, _, _) in EVIL.items()}})

    def create(name: str) -> int:
        body = {"agent": agent, "name": "A test", "config": {name: EVIL[name][1]}}
        return api.user.post("/v1/instances", json=body, token=caller.token).status_code

    with ThreadPoolExecutor(9) as pool:
        made = {name: [pool.submit(create, name) for _ in range(3)] for name in EVIL}
        read = [api.user.get("/v1/instances", token=other.token).status_code for _ in range(5)]
        answered = {name: {each.result() for each in several} for name, several in made.items()}
    assert read == [200] * 5
    assert answered == {name: {status} for name, (_, _, status) in EVIL.items()}


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


def test_a_candidate_gets_its_share_of_launches_and_keeps_them(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    slug, caller = an_agent(env, "1.0.0"), person(scopes=("user", "admin"))
    publish_version(env, slug, "1.1.0", move=[])
    path = f"/v1/admin/agents/{slug}/channels/stable"
    got: dict[int, list[str]] = {}
    for row_version, percent in enumerate((0, 50, 100), start=1):
        target = {"version": "1.0.0", "candidate": {"version": "1.1.0", "percent": percent}}
        headers = {"If-Match": f'"{row_version}"'}
        assert api.admin.put(path, json=target, token=caller.token, headers=headers).status_code == 200
        launched = [
            api.user.post("/v1/instances", json={"agent": slug, "name": "A test"}, token=caller.token).json
            for _ in range(8)
        ]
        got[percent] = [each["version"] for each in launched]
        assert got[percent] == ["1.1.0" if in_share(each["id"], percent) else "1.0.0" for each in launched]
    assert (set(got[0]), set(got[100])) == ({"1.0.0"}, {"1.1.0"})
