"""Four eyes: what is grave is done once another administrator approves it, where that is wanted."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from functions.broker.tests.test_dead_letters import park
from functions.domain.approvals import approvals
from functions.domain.catalog.tests.making import an_agent
from testing import trail
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

WHY = "It loses answers."


@pytest.fixture(autouse=True)
def four_eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(approvals.SETTING, "true")


@pytest.fixture
def ann(person: Callable[..., Person]) -> Person:
    return person(("user", "admin"))


@pytest.fixture
def bob(person: Callable[..., Person]) -> Person:
    return person(("user", "admin"))


def yank(api: Api, caller: Person, slug: str) -> Response:
    path = f"/v1/admin/agents/{slug}/versions/1.0.0"
    etag = api.admin.get(path, token=caller.token).headers["ETag"]
    body = {"status": "yanked", "reason": WHY}
    return api.admin.patch(path, json=body, token=caller.token, headers={"If-Match": etag})


def decide(api: Api, caller: Person, approval_id: str, verb: str = "approve", **body: str) -> Response:
    path = f"/v1/admin/approvals/{approval_id}/{verb}"
    return api.admin.post(path, json={"reason": "I have looked.", **body}, token=caller.token)


def status(api: Api, slug: str) -> Any:
    return api.user.get(f"/v1/agents/{slug}/versions/1.0.0").json["status"]


def said(env: Environment, approval_id: str) -> list[str]:
    query = text("select type from outbox where data ->> 'approval_id' = :id order by seq")
    with env.transaction("shared_psql", "relay") as db:
        return [kind.removeprefix("com.botberi.") for kind in db.scalars(query, {"id": approval_id})]


def test_a_version_is_yanked_once_another_approves_and_both_are_in_the_trail(
    api: Api, env: Environment, ann: Person, bob: Person
) -> None:
    slug = an_agent(env, "1.0.0", "1.1.0")
    asked = yank(api, ann, slug)
    assert (asked.status_code, asked.json["action"], asked.json["decision"]) == (202, "change_version_status", None)
    approval = asked.json["id"]
    assert status(api, slug) == "published"
    waiting = api.admin.get("/v1/admin/approvals?waiting=true", token=bob.token).json["items"]
    assert approval in {each["id"] for each in waiting}
    assert decide(api, ann, approval).code == "own_approval"
    done = decide(api, bob, approval)
    assert (done.status_code, done.json["decision"], done.json["decided_by"]) == (200, "approved", bob.id)
    assert status(api, slug) == "yanked"
    assert decide(api, bob, approval).code == "approval_decided_already"
    assert said(env, approval) == ["approval.requested.v1", "approval.decided.v1"]
    entries = trail.entries(env, "shared_psql", target=asked.json["target"])
    assert [(each["action"], each["actor"]) for each in entries] == [
        ("change_version_status", bob.id),
        ("approve_action", bob.id),
    ]
    assert all(ann.id in each["targets"] for each in entries)


def test_what_can_not_be_done_any_more_stays_undecided(api: Api, env: Environment, ann: Person, bob: Person) -> None:
    slug = an_agent(env, "1.0.0", "1.1.0")
    first, second = yank(api, ann, slug).json["id"], yank(api, ann, slug).json["id"]
    assert decide(api, bob, first).status_code == 200
    assert decide(api, bob, second).code == "version_changed_meanwhile"
    assert decide(api, bob, second, "reject").json["decision"] == "rejected"


def test_what_is_rejected_or_too_old_is_not_done(api: Api, env: Environment, ann: Person, bob: Person) -> None:
    slug = an_agent(env, "1.0.0", "1.1.0")
    rejected, old = yank(api, ann, slug).json["id"], yank(api, ann, slug).json["id"]
    assert decide(api, ann, rejected, "reject").status_code == 200
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(text("update approvals set expires_at = now() where id = :id"), {"id": old})
    codes = [decide(api, bob, each).code for each in (rejected, old, "apr_" + "0" * 32)]
    assert codes == ["approval_decided_already", "approval_expired", "approval_not_found"]
    assert status(api, slug) == "published"


def test_an_instance_is_deleted_by_force_once_another_approves(
    api: Api, ann: Person, bob: Person, launch: Callable[..., Launched]
) -> None:
    instance = launch()
    path = f"/v1/admin/instances/{instance.id}/force-delete"
    asked = api.admin.post(path, json={"reason": WHY}, token=ann.token)
    assert (asked.status_code, asked.json["target"]) == (202, instance.id)
    assert instance.read()["desired_state"] == "running"
    assert decide(api, bob, asked.json["id"]).status_code == 200
    assert instance.row()["desired_state"] == "deleted"


def test_all_dead_letters_of_a_filter_are_redriven_once_another_approves(
    api: Api, env: Environment, person: Callable[..., Person], bob: Person
) -> None:
    operator, kind = person(("user", "broker")), "com.botberi.thing.approved.v1"
    stuck = {park(env, database, kind) for database in ("user_psql", "shared_psql")}
    path, body = "/v1/dead-letters/redrive", {"type": kind, "kind": "parked", "resolution_reason": WHY}
    assert set(api.broker.post(f"{path}?dry_run=true", json=body, token=operator.token).json["ids"]) == stuck
    assert api.broker.post(path, json={"type": kind}, token=operator.token).code == "invalid"
    asked = api.broker.post(path, json=body, token=operator.token)
    assert (asked.status_code, asked.json["arguments"]["type"]) == (202, kind)
    assert decide(api, bob, asked.json["id"]).status_code == 200
    read = [api.broker.get(f"/v1/dead-letters/{each}", token=operator.token).json for each in stuck]
    assert {(each["resolution"], each["resolved_by"]) for each in read} == {("redriven", operator.id)}


def test_without_the_setting_one_is_enough(
    api: Api, env: Environment, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(approvals.SETTING, "false")
    slug = an_agent(env, "1.0.0", "1.1.0")
    assert yank(api, ann, slug).json["status"] == "yanked"


def test_only_administrators_decide_and_say_why(
    api: Api, env: Environment, ann: Person, person: Callable[..., Person]
) -> None:
    approval = yank(api, ann, an_agent(env, "1.0.0", "1.1.0")).json["id"]
    for role in ("support", "catalog", "auditor"):
        assert decide(api, person(("user", role)), approval).code == "forbidden"
    assert decide(api, ann, approval, reason="").code == "invalid"
