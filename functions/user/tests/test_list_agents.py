"""The list of agents: paged, searched, and only of what is listed."""

import base64
import hashlib
import json
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
        ("Ærø", "aero"),
        ("Łódź", "lodz"),
        ("東京日本語", "日本"),
        ("Assistant", "sist"),
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
    "query",
    [
        *("limit=0", "limit=101", "limit=x", "cursor=%25%25", "cursor=bnVsbA", "colour=red", "q=%00", "q=a&q=b"),
        *("tag=Upper", "tag=", "capability=a,b", "tag=a&tag=b"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    answer = api.user.get(f"/v1/agents?{query}")
    assert (answer.status_code, answer.code) == (422, "invalid")
    assert answer.json["errors"][0]["pointer"].startswith("?")


def test_it_tells_which_version_each_channel_points_at(api: Api, env: Environment) -> None:
    slug = an_agent(env, "1.0.0", "1.1.0")
    [item] = api.user.get(f"/v1/agents?q={slug}").json["items"]
    assert item["channels"] == {"stable": "1.1.0"}


def test_what_is_named_so_comes_before_what_speaks_of_it(api: Api, env: Environment) -> None:
    word = f"w{uuid.uuid4().hex[:12]}"
    named = an_agent(env, name=f"The {word.upper()}s")
    tagged = an_agent(env, tags=[word])
    able = an_agent(env, capabilities=[word])
    within = an_agent(env, name=f"un{word}")
    spoken = an_agent(env, description=f"Better than {word}.")
    assert found(api, word) == [able, tagged, named, spoken, within]


def test_pages_go_on_from_the_named_to_the_others(api: Api, env: Environment) -> None:
    word = f"w{uuid.uuid4().hex[:12]}"
    slugs = [an_agent(env, **({"name": word} if number % 2 else {"summary": word})) for number in range(7)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.user.get(f"/v1/agents?q={word}&limit=2{cursor and f'&cursor={cursor}'}").json
        assert len(page["items"]) == 2 or page["next_cursor"] is None
        seen += [item["slug"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [*slugs[5::-2], *slugs[6::-2]]


@pytest.mark.parametrize("field", ["tags", "capabilities"])
def test_only_those_with_a_tag_or_capability(api: Api, env: Environment, field: str) -> None:
    tag, word = f"t{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    one, other = an_agent(env, **{field: ["x", tag]}), an_agent(env, summary=word, **{field: [tag]})
    an_agent(env, summary=word, **{field: [f"{tag}-more"]})
    parameter = {"tags": "tag", "capabilities": "capability"}[field]
    answer = api.user.get(f"/v1/agents?{parameter}={tag}").json
    assert [item["slug"] for item in answer["items"]] == [other, one]
    assert [item[field] for item in answer["items"]] == [[tag], ["x", tag]]
    assert [item["slug"] for item in api.user.get(f"/v1/agents?{parameter}={tag}&q={word}").json["items"]] == [other]


@pytest.mark.parametrize("key", ["", "3 agt_1", "1 agt_' or 1=1", "agt_1", "1  agt_1", "1 agt_1 "])
def test_a_place_that_was_made_up_is_refused(api: Api, key: str) -> None:
    listed = hashlib.sha256(b"/v1/agents").hexdigest()[:8]
    cursor = base64.urlsafe_b64encode(json.dumps([listed, key]).encode()).decode().rstrip("=")
    answer = api.user.get(f"/v1/agents?q=x&cursor={cursor}")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "bad_cursor")
