"""The list of agents: paged, searched, and only of what is listed."""

import uuid
from urllib.parse import urlencode

import pytest

from functions.domain.catalog.tests.making import an_agent
from testing.clients import Api
from testing.environment import Environment


def found(api: Api, q: str) -> list[str]:
    answer = api.user.get(f"/v1/agents?{urlencode({'q': q, 'limit': 100})}")
    assert answer.status_code == 200, answer.text
    return [item["slug"] for item in answer.json["items"]]


def test_pages_show_every_agent_once_and_the_newest_first(api: Api, env: Environment) -> None:
    mark = uuid.uuid4().hex
    slugs = [an_agent(env, summary=f"{mark} number {number}") for number in range(5)]
    seen: list[str] = []
    more: str | None = ""
    while more is not None:
        page = api.user.get(f"/v1/agents?q={mark}&limit=2{more}").json
        assert len(page["items"]) <= 2
        seen += [item["slug"] for item in page["items"]]
        more = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == slugs[::-1]


@pytest.mark.parametrize("field", ["name", "summary", "description"])
def test_search_finds_a_word_in_any_field_whatever_its_case(api: Api, env: Environment, field: str) -> None:
    word = uuid.uuid4().hex
    slug = an_agent(env, **{field: f"Some {word.upper()} thing"})
    assert found(api, word) == [slug]
    assert found(api, slug[3:]) == [slug]


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("naïve", "naive"),
        ("naive", "NAÏVE"),
        ("nai\u0308ve", "na\u00efve"),
        ("\uff21\uff22\uff23", "abc"),
        ("Straße", "STRASSE"),
        ("strasse", "straße"),
        ("ΟΔΟΣ", "οδος"),
        ("Привет", "ПРИВЕТ"),
    ],
)
def test_accents_width_and_case_dont_count(api: Api, env: Environment, said: str, asked: str) -> None:
    mark = uuid.uuid4().hex
    slug = an_agent(env, name=f"{mark} {said}")
    assert found(api, f"{mark} {asked}") == [slug]


def test_every_word_must_occur_but_in_whichever_field(api: Api, env: Environment) -> None:
    one, other = uuid.uuid4().hex, uuid.uuid4().hex
    slug = an_agent(env, name=one, description=other)
    assert found(api, f"{other} {one}") == [slug]
    assert found(api, f"{one} {uuid.uuid4().hex}") == []


@pytest.mark.parametrize("mark", ["%", "_", "\\", "'", '"', "';--", "%%", "\\%", "${x}", "{x}", ":q", "日本"])
def test_no_character_means_more_than_itself(api: Api, env: Environment, mark: str) -> None:
    word = uuid.uuid4().hex
    slug = an_agent(env, summary=f"{word}{mark}x")
    an_agent(env, summary=f"{word}y-x")
    assert found(api, f"{word}{mark}x") == [slug]
    assert found(api, f"{word[:16]}{mark}{word[16:]}") == []


def test_what_is_not_listed_is_not_found(api: Api, env: Environment) -> None:
    mark = uuid.uuid4().hex
    an_agent(env, summary=mark, listed=False)
    assert found(api, mark) == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=%25%25", "cursor=bnVsbA", "colour=red", "q=%00", "q=a&q=b"]
)
def test_a_query_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    answer = api.user.get(f"/v1/agents?{query}")
    assert (answer.status_code, answer.code) == (422, "invalid")
    assert answer.json["errors"][0]["pointer"].startswith("?")


def test_it_tells_which_version_each_channel_points_at(api: Api, env: Environment) -> None:
    slug = an_agent(env, "1.0.0", "1.1.0")
    [item] = api.user.get(f"/v1/agents?q={slug}").json["items"]
    assert item["channels"] == {"stable": "1.1.0"}
