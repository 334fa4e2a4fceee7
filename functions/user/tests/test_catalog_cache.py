"""The catalog's cache: fast while nothing changes, right when Redis is empty or away."""

from collections.abc import Iterator
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from functions.domain.catalog.tests.making import an_agent, change
from functions.runtime.providers import cache
from testing.clients import Api
from testing.environment import Environment
from tools.local.ports import free_ports


@pytest.fixture
def no_redis(env: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Redis can't be reached."""
    env.disconnect()
    monkeypatch.setenv("USER_REDIS_URL", f"127.0.0.1:{free_ports(1)[0]}")
    yield
    env.disconnect()


def name_of(api: Api, slug: str) -> str:
    answer = api.user.get(f"/v1/agents/{slug}")
    assert answer.status_code == 200
    return str(answer.json["name"])


def test_what_was_read_is_kept_until_the_catalog_is_refreshed(api: Api, env: Environment) -> None:
    slug = an_agent(env, name="Before")
    assert name_of(api, slug) == "Before"
    change(env, slug, name="After")
    assert name_of(api, slug) == "Before"
    cache.connect("invalidation").forget("catalog")
    assert name_of(api, slug) == "After"


def test_it_is_kept_for_a_minute_at_most(api: Api, env: Environment) -> None:
    slug = an_agent(env)
    client = env.redis()
    client.flushdb()
    name_of(api, slug)
    [mine] = client.keys("cache:*")
    assert f"agent:{slug}" in str(cache.connect("cache").client.get(mine))
    assert 0 < client.ttl(mine) <= 60


def test_an_emptied_redis_costs_nothing_but_time(api: Api, env: Environment) -> None:
    slug = an_agent(env, name="Before")
    name_of(api, slug)
    change(env, slug, name="After")
    env.redis().flushdb()
    assert name_of(api, slug) == "After"


@pytest.mark.usefixtures("no_redis")
def test_without_redis_everything_is_answered_as_it_is_now(api: Api, env: Environment) -> None:
    slug = an_agent(env, name="Before")
    assert name_of(api, slug) == "Before"
    change(env, slug, name="After")
    assert name_of(api, slug) == "After"
    assert [item["name"] for item in api.user.get(f"/v1/agents?q={slug}").json["items"]] == ["After"]


def test_an_answer_built_while_the_catalog_changed_is_not_kept_for_those_after(api: Api, env: Environment) -> None:
    slug = an_agent(env, name="Before")
    kept = cache.connect("cache")
    stale = api.user.get(f"/v1/agents/{slug}")
    number = int(kept.client.get("generation:catalog") or 0)
    change(env, slug, name="After")
    cache.connect("invalidation").forget("catalog")
    # The slow reader writes what it built before the change, under the generation that it began in.
    for slot in range(cache.SLOTS):
        kept.client.set(f"cache:catalog:{number}:{slot}", f"agent:{slug}\n{stale.text}")
    assert name_of(api, slug) == "After"


def test_however_much_is_searched_for_no_more_than_the_slots_are_kept(
    api: Api, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = an_agent(env)
    kept = env.redis()
    kept.flushdb()
    monkeypatch.setattr(cache, "SLOTS", 3)
    for number in range(20):
        found = api.user.get(f"/v1/agents?q={slug}&limit={number + 1}").json["items"]
        assert [item["slug"] for item in found] == [slug]
    assert 1 <= len(kept.keys("cache:catalog:*")) <= 3


def test_a_redis_that_hangs_up_is_asked_twice_and_then_left_alone(
    api: Api, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug, asked = an_agent(env), []

    class HangsUp(BaseRequestHandler):
        def handle(self) -> None:
            asked.append(self.client_address)

    with ThreadingTCPServer(("127.0.0.1", 0), HangsUp) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("USER_REDIS_URL", f"127.0.0.1:{server.server_address[1]}")
        monkeypatch.setattr(cache, "PAUSE", 600)
        env.disconnect()
        assert [name_of(api, slug) for _ in range(5)] == ["Some"] * 5
        server.shutdown()
    env.disconnect()
    assert len(asked) == 2
