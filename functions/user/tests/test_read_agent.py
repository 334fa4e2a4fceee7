"""One agent and its versions, as anybody sees them."""

import pytest

from functions.domain.catalog.releases import Declared
from functions.domain.catalog.tests.making import an_agent, change, publish
from functions.domain.catalog.versions import Channel
from testing.clients import Api
from testing.environment import Environment


def test_it_shows_channels_and_the_newest_versions(api: Api, env: Environment) -> None:
    slug = an_agent(env, *(f"1.{minor}.0" for minor in range(6)))
    publish(env, slug, "2.0.0-rc.1", move=[Channel.BETA])
    agent = api.user.get(f"/v1/agents/{slug}").json
    assert agent["channels"] == {"stable": "1.5.0", "beta": "2.0.0-rc.1"}
    assert [version["number"] for version in agent["versions"]] == ["2.0.0-rc.1", "1.5.0", "1.4.0", "1.3.0", "1.2.0"]


def test_whoever_has_it_already_is_told_so(api: Api, env: Environment) -> None:
    slug = an_agent(env)
    etag = api.user.get(f"/v1/agents/{slug}").headers["ETag"]
    again = api.user.get(f"/v1/agents/{slug}", headers={"If-None-Match": etag})
    assert (again.status_code, again.text) == (304, "")
    assert api.user.get(f"/v1/agents/{slug}", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("place", ["", "/versions", "/versions/1.0.0"])
def test_an_agent_that_is_not_listed_is_not_there(api: Api, env: Environment, place: str) -> None:
    slug = an_agent(env, "1.0.0")
    assert api.user.get(f"/v1/agents/{slug}/versions/1.0.0").status_code == 200
    change(env, slug, listed=False)
    answer = api.user.get(f"/v1/agents/{slug}{place}")
    assert (answer.status_code, answer.code) == (404, "agent_not_found")


@pytest.mark.parametrize("slug", ["nobody-has-this", "UPPER", "a", "a" * 64, "a%00b", "a'--", "%2e%2e"])
def test_an_agent_that_never_was_is_not_there(api: Api, slug: str) -> None:
    for place in ("", "/versions", "/versions/1.0.0"):
        assert api.user.get(f"/v1/agents/{slug}{place}").status_code == 404


def test_versions_are_paged_newest_first(api: Api, env: Environment) -> None:
    slug = an_agent(env, "1.0.0", "1.1.0", "0.9.0")
    first = api.user.get(f"/v1/agents/{slug}/versions?limit=2").json
    rest = api.user.get(f"/v1/agents/{slug}/versions?limit=2&cursor={first['next_cursor']}").json
    assert [item["number"] for item in first["items"] + rest["items"]] == ["0.9.0", "1.1.0", "1.0.0"]
    assert rest["next_cursor"] is None


def test_a_version_has_its_schema_and_changelog(api: Api, env: Environment) -> None:
    schema = {"type": "object", "properties": {"tone": {"enum": ["kind", "curt"]}}}
    slug = an_agent(env)
    publish(env, slug, "1.0.0+build.7", config_schema=schema, declared=Declared("First."))
    version = api.user.get(f"/v1/agents/{slug}/versions/1.0.0+build.7").json
    assert (version["config_schema"], version["changelog"]) == (schema, "First.")


@pytest.mark.parametrize("number", ["9.9.9", "1", "01.0.0", "1.0.0'", "latest"])
def test_a_version_that_never_was_is_not_there(api: Api, env: Environment, number: str) -> None:
    slug = an_agent(env, "1.0.0")
    assert api.user.get(f"/v1/agents/{slug}/versions/{number}").status_code == 404
