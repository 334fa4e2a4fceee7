"""Deprecated and yanked versions: what is said of them, and what can still be done."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from functions.domain.catalog.tests.making import an_agent, publish
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response


@pytest.fixture
def admin(person: Callable[..., Person]) -> Person:
    return person(scopes=("user", "admin"))


@pytest.fixture
def become(api: Api, admin: Person) -> Callable[..., Response]:
    """`become(slug, "1.0.0", "yanked", reason="…")` with the ETag that the version has."""

    def patch(slug: str, number: str, status: str, **fields: Any) -> Response:
        path = f"/v1/admin/agents/{slug}/versions/{number}"
        read = api.admin.get(path, token=admin.token)
        assert read.headers["ETag"] == f'"{read.json["row_version"]}"'
        body = {"status": status, "reason": "It loses answers."} | fields
        return api.admin.patch(path, json=body, token=admin.token, headers={"If-Match": read.headers["ETag"]})

    return patch


def launch(api: Api, caller: Person, agent: str, **fields: Any) -> Response:
    return api.user.post("/v1/instances", json={"agent": agent, "name": "A test"} | fields, token=caller.token)


def said(env: Environment, slug: str) -> list[tuple[str, dict[str, Any]]]:
    query = text(
        "select type, data from outbox where type like 'com.botberi.version.%' and data->>'slug' = :slug"
        " and type <> 'com.botberi.version.published.v1' order by seq"
    )
    with env.transaction("shared_psql", "relay") as db:
        return [(row.type.split(".")[3], row.data) for row in db.execute(query, {"slug": slug})]


def test_a_deprecated_version_is_launched_and_says_so(
    api: Api, env: Environment, admin: Person, become: Callable[..., Response]
) -> None:
    slug = an_agent(env, "1.0.0")
    before = launch(api, admin, slug).json
    assert (before["version_status"], before["version_status_reason"]) == ("published", "")
    answer = become(slug, "1.0.0", "deprecated")
    assert (answer.status_code, answer.json["status"], answer.json["row_version"]) == (200, "deprecated", 2)
    launched = launch(api, admin, slug)
    assert launched.status_code == 201
    for shown in (launched.json, api.user.get(f"/v1/instances/{before['id']}", token=admin.token).json):
        assert (shown["version_status"], shown["version_status_reason"]) == ("deprecated", "It loses answers.")


def test_a_yanked_version_is_gone_for_launches_and_stays_readable(
    api: Api, env: Environment, admin: Person, become: Callable[..., Response]
) -> None:
    slug = an_agent(env, "1.0.0", "1.1.0")
    instance = launch(api, admin, slug, version="1.0.0").json["id"]
    assert become(slug, "1.0.0", "yanked").status_code == 200
    refused = launch(api, admin, slug, version="1.0.0")
    assert (refused.status_code, refused.code) == (410, "version_yanked")
    assert "It loses answers." in refused.json["detail"]
    shown = api.user.get(f"/v1/agents/{slug}/versions/1.0.0").json
    assert (shown["status"], shown["status_reason"], shown["config_schema"]) == (
        "yanked",
        "It loses answers.",
        {"type": "object"},
    )
    assert api.user.get(f"/v1/instances/{instance}", token=admin.token).json["version_status"] == "yanked"
    assert launch(api, admin, slug).json["version"] == "1.1.0"
    listed = api.user.get(f"/v1/agents/{slug}/versions").json["items"]
    assert [(each["number"], each["status"]) for each in listed] == [("1.1.0", "published"), ("1.0.0", "yanked")]


def test_who_changed_a_status_and_why_is_kept_and_said(
    env: Environment, admin: Person, become: Callable[..., Response]
) -> None:
    slug = an_agent(env, "1.0.0", "1.1.0")
    changes = [("deprecated", "Old."), ("deprecated", "Very old."), ("deprecated", "Very old."), ("yanked", "Leaks.")]
    for status, reason in [*changes, ("published", "")]:
        assert become(slug, "1.0.0", status, reason=reason).status_code == 200
    told = [(kind, data["number"], data["reason"]) for kind, data in said(env, slug)]
    assert told == [
        ("deprecated", "1.0.0", "Old."),
        ("deprecated", "1.0.0", "Very old."),
        ("yanked", "1.0.0", "Leaks."),
        ("restored", "1.0.0", ""),
    ]
    last = become(slug, "1.0.0", "published", reason="").json
    assert (last["status_changed_by"], last["row_version"]) == (admin.id, 5)
    assert last["status_changed_at"] is not None


@pytest.mark.parametrize("candidate", [True, False])
def test_a_version_that_a_channel_leads_to_is_moved_first(
    api: Api, env: Environment, admin: Person, become: Callable[..., Response], candidate: bool
) -> None:
    slug = an_agent(env, "1.0.0")
    publish(env, slug, "1.1.0", move=[])
    if candidate:
        target = {"version": "1.0.0", "candidate": {"version": "1.1.0", "percent": 1}}
        path = f"/v1/admin/agents/{slug}/channels/stable"
        assert api.admin.put(path, json=target, token=admin.token, headers={"If-Match": '"1"'}).status_code == 200
    answer = become(slug, "1.1.0" if candidate else "1.0.0", "yanked")
    assert (answer.status_code, answer.code) == (409, "version_in_channel")
    assert "stable" in answer.json["detail"]


def test_no_channel_is_moved_to_a_yanked_version_not_even_back(
    api: Api, env: Environment, admin: Person, become: Callable[..., Response]
) -> None:
    slug = an_agent(env, "1.0.0", "1.1.0", "1.2.0")
    assert become(slug, "1.1.0", "yanked").status_code == 200
    path, headers = f"/v1/admin/agents/{slug}/channels/stable", {"If-Match": '"3"'}
    target = {"version": "1.1.0", "force": True, "reason": "Back."}
    refused = api.admin.put(path, json=target, token=admin.token, headers=headers)
    assert (refused.status_code, refused.json["errors"][0]["code"]) == (422, "version_yanked")
    back = api.admin.post(f"{path}/roll-back", json={"reason": "Back."}, token=admin.token, headers=headers)
    assert back.json["version"] == "1.0.0"


@pytest.mark.parametrize("status", ["deprecated", "yanked"])
@pytest.mark.parametrize("reason", ["", "  "])
def test_whoever_reads_of_it_is_told_why(
    env: Environment, become: Callable[..., Response], status: str, reason: str
) -> None:
    answer = become(an_agent(env, "1.0.0"), "1.0.0", status, reason=reason)
    assert (answer.status_code, answer.code) == (422, "invalid")
    assert answer.json["errors"][0]["message"].startswith("Give a reason")


def test_a_change_is_of_the_state_that_was_read(api: Api, env: Environment, admin: Person) -> None:
    path = f"/v1/admin/agents/{an_agent(env, '1.0.0')}/versions/1.0.0"
    body = {"status": "deprecated", "reason": "Old."}
    assert api.admin.patch(path, json=body, token=admin.token).status_code == 428
    stale = api.admin.patch(path, json=body, token=admin.token, headers={"If-Match": '"9"'})
    assert (stale.status_code, stale.code) == (412, "version_changed_meanwhile")


def test_the_version_of_an_instance_is_readable_though_its_agent_is_unlisted(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    owner, other = person(), person()
    slug = an_agent(env)
    publish(env, slug, "1.0.0", config_schema={"type": "object", "title": "Mine"})
    path = f"/v1/instances/{launch(api, owner, slug).json['id']}/version"
    with env.transaction("shared_psql", "admin") as db:
        db.execute(text("update agents set listed = false where slug = :slug"), {"slug": slug})
    assert api.user.get(f"/v1/agents/{slug}/versions/1.0.0").status_code == 404
    shown = api.user.get(path, token=owner.token).json
    assert (shown["number"], shown["config_schema"]) == ("1.0.0", {"type": "object", "title": "Mine"})
    assert api.user.get(path, token=other.token).code == "instance_not_found"
