"""Administrators curate the catalog."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from functions.domain.catalog.tests.making import a_slug, an_agent
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person

NewPerson = Callable[..., Person]


@pytest.fixture
def admin(person: NewPerson) -> str:
    """The access token of an administrator."""
    return person(scopes=("user", "admin")).token


def emitted(env: Environment, kind: str, slug: str) -> list[str]:
    """Return who caused the events of a type about an agent."""
    query = text("select actor from outbox where type = :type and data ->> 'slug' = :slug")
    with env.transaction("shared_psql", "relay") as db:
        return list(db.scalars(query, {"type": kind, "slug": slug}))


def test_a_new_agent_is_in_the_catalog_and_says_who_put_it_there(api: Api, env: Environment, person: NewPerson) -> None:
    admin, slug = person(scopes=("user", "admin")), a_slug()
    agent = {"slug": slug, "name": "Poet", "summary": "Answers in verse."}
    answer = api.admin.post("/v1/admin/agents", json=agent, token=admin.token)
    assert (answer.status_code, answer.json["slug"]) == (201, slug)
    assert api.user.get(f"/v1/agents/{slug}").json["name"] == "Poet"
    assert emitted(env, "com.botberi.agent.created.v1", slug) == [admin.id]


def test_a_slug_is_taken_once_and_a_repeated_request_is_no_second_one(api: Api, admin: str) -> None:
    agent = {"slug": a_slug(), "name": "Poet", "summary": "Answers in verse."}
    first, again = (
        api.admin.post("/v1/admin/agents", json=agent, token=admin, headers={"Idempotency-Key": agent["slug"]})
        for _ in range(2)
    )
    assert (first.status_code, first.text) == (again.status_code, again.text)
    taken = api.admin.post("/v1/admin/agents", json=agent, token=admin)
    assert (taken.status_code, taken.code) == (409, "slug_taken")


def test_a_description_may_be_as_long_in_any_script(api: Api, admin: str) -> None:
    agent = {"slug": a_slug(), "name": "Poet", "summary": "Answers in verse.", "description": "\U0001f642" * 10_000}
    assert api.admin.post("/v1/admin/agents", json=agent, token=admin).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Upper"),
        ("slug", "a b"),
        ("slug", ""),
        ("name", ""),
        ("summary", "x" * 201),
        ("name", "a\x00"),
        ("name", " \u2800"),
        ("summary", "\u200b"),
        ("tags", "poems"),
        ("x", 1),
    ],
)
def test_a_field_that_is_wrong_is_named(api: Api, admin: str, field: str, value: object) -> None:
    agent = {"slug": a_slug(), "name": "Poet", "summary": "Answers in verse."} | {field: value}
    answer = api.admin.post("/v1/admin/agents", json=agent, token=admin)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [f"/{field}"]


def test_a_change_wants_the_etag_of_what_was_read(api: Api, env: Environment, admin: str) -> None:
    path = f"/v1/admin/agents/{an_agent(env)}"
    etag = api.admin.get(path, token=admin).headers["ETag"]
    change = {"name": "Other"}
    assert api.admin.patch(path, json=change, token=admin).status_code == 428
    changed = api.admin.patch(path, json=change, token=admin, headers={"If-Match": etag})
    assert (changed.status_code, changed.json["name"]) == (200, "Other")
    assert changed.headers["ETag"] != etag
    stale = api.admin.patch(path, json={"name": "Third"}, token=admin, headers={"If-Match": etag})
    assert (stale.status_code, stale.code) == (412, "agent_changed_meanwhile")
    assert api.admin.get(path, token=admin).json["name"] == "Other"


def test_a_change_that_changes_nothing_says_nothing(api: Api, env: Environment, admin: str) -> None:
    slug = an_agent(env, name="Same")
    path = f"/v1/admin/agents/{slug}"
    etag = api.admin.get(path, token=admin).headers["ETag"]
    answer = api.admin.patch(path, json={"name": "Same", "summary": None}, token=admin, headers={"If-Match": etag})
    assert (answer.status_code, answer.headers["ETag"]) == (200, etag)
    assert emitted(env, "com.botberi.agent.changed.v1", slug) == []


def test_administrators_see_what_is_not_listed(api: Api, env: Environment, admin: str) -> None:
    slug = an_agent(env, listed=False)
    [item] = api.admin.get(f"/v1/admin/agents?q={slug}", token=admin).json["items"]
    assert (item["slug"], item["listed"]) == (slug, False)
    assert api.admin.get(f"/v1/admin/agents/{slug}", token=admin).json["listed"] is False


def test_an_agent_that_is_not_there_is_not_found(api: Api, admin: str) -> None:
    path = f"/v1/admin/agents/{a_slug()}"
    assert api.admin.get(path, token=admin).code == "agent_not_found"
    assert api.admin.patch(path, json={}, token=admin, headers={"If-Match": "1"}).code == "agent_not_found"


@pytest.mark.parametrize("field", ["tags", "capabilities"])
def test_tags_and_capabilities_are_told_and_changed_as_a_whole(
    api: Api, env: Environment, admin: str, field: str
) -> None:
    agent = {"slug": a_slug(), "name": "Poet", "summary": "Answers in verse.", field: ["verse", "old-english"]}
    assert api.admin.post("/v1/admin/agents", json=agent, token=admin).status_code == 201
    path = f"/v1/admin/agents/{agent['slug']}"
    before = api.admin.get(path, token=admin)
    assert before.json[field] == api.user.get(f"/v1/agents/{agent['slug']}").json[field] == ["verse", "old-english"]
    headers = {"If-Match": before.headers["ETag"]}
    assert api.admin.patch(path, json={field: ["verse"]}, token=admin, headers=headers).json[field] == ["verse"]
    query = text("select data from outbox where type = 'com.botberi.agent.changed.v1' and data ->> 'slug' = :slug")
    with env.transaction("shared_psql", "relay") as db:
        assert [data["fields"] for data in db.scalars(query, {"slug": agent["slug"]})] == [[field]]


@pytest.mark.parametrize("field", ["tags", "capabilities"])
@pytest.mark.parametrize("value", ["", "Verse", "two words", "-x", "a--b", "x" * 41, "ü"])
def test_a_tag_is_a_word_for_addresses(api: Api, admin: str, field: str, value: str) -> None:
    agent = {"slug": a_slug(), "name": "Poet", "summary": "Answers in verse.", field: [value]}
    answer = api.admin.post("/v1/admin/agents", json=agent, token=admin)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, f"/{field}/0")


def feature(api: Api, admin: str, slug: str, rank: int) -> None:
    path = f"/v1/admin/agents/{slug}"
    answer = api.admin.patch(path, json={"featured_rank": rank}, token=admin, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json["featured_rank"]) == (200, rank)


def featured(api: Api, tag: str) -> list[str]:
    """Return the agents with a tag that are shown first, page by page."""
    slugs: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.user.get(f"/v1/agents?featured=true&tag={tag}&limit=2{cursor}").json
        slugs += [each["slug"] for each in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return slugs


def test_agents_are_shown_first_in_the_order_that_curators_give(api: Api, env: Environment, admin: str) -> None:
    tag = a_slug()
    first, second, also_second, third, other = (an_agent(env, "1.0.0", tags=[tag]) for _ in range(5))
    for slug, rank in ((third, 300), (first, 1), (second, 20), (also_second, 20)):
        feature(api, admin, slug, rank)
    assert featured(api, tag) == [first, also_second, second, third]
    found = api.user.get(f"/v1/agents?tag={tag}").json["items"]
    assert {each["slug"]: each["featured_rank"] for each in found}[other] == 0
    feature(api, admin, first, 0)
    assert api.admin.get(f"/v1/admin/agents?featured=true&tag={tag}", token=admin).json["items"][0]["slug"] != first


def test_a_rank_is_a_number_up_to_a_thousand(api: Api, env: Environment, admin: str) -> None:
    path = f"/v1/admin/agents/{an_agent(env)}"
    for wrong in (-1, 1001, "1"):
        answer = api.admin.patch(path, json={"featured_rank": wrong}, token=admin, headers={"If-Match": "*"})
        assert answer.code == "invalid"
