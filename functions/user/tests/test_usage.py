from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.domain.catalog.tests.making import an_agent
from functions.domain.instances import quotas
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

Somebody = Callable[..., Person]
Create = Callable[..., Response]
ADMINISTRATOR = ("user", "admin")


@pytest.fixture
def owner(person: Somebody) -> Person:
    return person()


@pytest.fixture
def create(api: Api, env: Environment, owner: Person) -> Create:
    agent = an_agent(env, "1.0.0")

    def create(query: str = "", **headers: str) -> Response:
        wanted = {"agent": agent, "name": "A test"}
        return api.user.post(f"/v1/instances{query}", json=wanted, token=owner.token, headers=headers)

    return create


def used(api: Api, owner: Person) -> dict[str, Any]:
    return dict(api.user.get("/v1/me/usage", token=owner.token).json["usage"]["instances"])


def allow(api: Api, administrator: Person, owner: Person, instances: int | None, etag: str = "*") -> Response:
    body = {"limits": {"instances": instances}, "reason": "A test needs it."}
    path = f"/v1/admin/accounts/{owner.id}/limits"
    return api.admin.put(path, json=body, token=administrator.token, headers={"If-Match": etag})


def test_an_account_has_as_many_instances_as_the_installation_allows(
    api: Api, owner: Person, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(quotas.SETTING, "2")
    assert used(api, owner) == {"used": 0, "limit": 2}
    made = [create() for _ in range(3)]
    assert [answer.status_code for answer in made] == [201, 201, 403]
    assert made[-1].code == "quota_exceeded"
    assert made[-1].json["detail"].startswith("You have 2 instances, and your account may have 2: delete one")
    assert used(api, owner) == {"used": 2, "limit": 2}


def test_a_deletion_makes_room_from_the_moment_that_it_is_asked_for(
    api: Api, owner: Person, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(quotas.SETTING, "1")
    first = create().json["id"]
    api.user.post(f"/v1/instances/{first}/stop", token=owner.token)
    assert create().code == "quota_exceeded"
    assert api.user.delete(f"/v1/instances/{first}", token=owner.token).json["status"] == "pending"
    assert create().status_code == 201


def test_launches_at_once_are_no_more_than_one_may_have(
    api: Api, owner: Person, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(quotas.SETTING, "3")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: create().status_code, range(12)))
    assert sorted(answers) == [201] * 3 + [403] * 9
    assert used(api, owner) == {"used": 3, "limit": 3}


def test_what_is_only_checked_is_checked_whole_and_leaves_nothing(
    api: Api, owner: Person, create: Create, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = create("?validate_only=true", **{"Idempotency-Key": "one"})
    assert (answer.status_code, answer.json["version"], answer.json["config"]) == (200, "1.0.0", {})
    assert used(api, owner)["used"] == 0
    with env.transaction("shared_psql", "migrator") as db:
        assert db.exec_driver_sql("select from idempotency_keys where caller = %s", (owner.id,)).rowcount == 0
    assert create("", **{"Idempotency-Key": "one"}).status_code == 201
    monkeypatch.setenv(quotas.SETTING, "1")
    assert create("?validate_only=true").code == "quota_exceeded"
    assert create("?validate_only=maybe").code == "invalid"


def test_an_administrator_gives_an_account_a_limit_of_its_own(
    api: Api, env: Environment, person: Somebody, owner: Person, create: Create
) -> None:
    administrator = person(ADMINISTRATOR)
    path = f"/v1/admin/accounts/{owner.id}/limits"
    before = api.admin.get(path, token=administrator.token)
    assert (before.json["limits"], before.headers["ETag"]) == ({}, '"0"')
    assert allow(api, administrator, owner, 1, before.headers["ETag"]).json["limits"] == {"instances": 1}
    assert [create().status_code for _ in range(2)] == [201, 403]
    assert allow(api, administrator, owner, 5, before.headers["ETag"]).code == "account_limits_changed_meanwhile"
    changed = allow(api, administrator, owner, 5, '"1"')
    assert changed.json["usage"]["instances"] == {"used": 1, "limit": 5}
    assert allow(api, administrator, owner, None).json["limits"] == {}
    with env.transaction("shared_psql", "relay") as db:
        query = "select data->'limits' from outbox where subject = %s order by seq"
        said = list(db.exec_driver_sql(query, (owner.id,)).scalars())
    assert said == [{"instances": 1}, {"instances": 5}, {}]


def test_what_is_more_than_allowed_stays_and_nothing_is_added(
    api: Api, person: Somebody, owner: Person, create: Create
) -> None:
    assert [create().status_code for _ in range(2)] == [201, 201]
    allow(api, person(ADMINISTRATOR), owner, 0)
    assert used(api, owner) == {"used": 2, "limit": 0}
    assert create().code == "quota_exceeded"
