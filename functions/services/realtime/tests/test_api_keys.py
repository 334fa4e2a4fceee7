"""API keys at the gateway: as good as tokens, until they end."""

from collections.abc import Callable

import pytest
import redis

from functions.domain.accounts import api_key_text
from functions.services.realtime.tests.conftest import Gateway
from functions.services.realtime.tests.played_runs import PlayedRun, Reader
from functions.services.realtime.tests.tabs import Heard, token
from testing.environment import Environment

INVALID = (4401, "api_key_invalid")


def test_a_key_opens_a_connection_that_lasts_as_long_as_it(gateway: Gateway) -> None:
    with gateway.tab(gateway.key().text) as tab:
        assert tab.ready["account_id"] == "usr_ada"
        assert tab.event(gateway.happen())
    key = gateway.key(good_for="-3 seconds")
    with gateway.tab() as tab:
        tab.say({"authenticate": {"token": key.text}})
        assert tab.end() == INVALID


def test_a_connection_ends_when_its_key_expires(gateway: Gateway) -> None:
    with gateway.tab(gateway.key(good_for="2 seconds").text) as tab:
        assert tab.ready["account_id"] == "usr_ada"
        assert tab.end() == INVALID


@pytest.mark.parametrize("tell", [Gateway.revoke_key, Gateway.end_key], ids=["database", "event"])
def test_a_key_that_is_revoked_ends_its_connections_and_no_others(gateway: Gateway, tell: object) -> None:
    assert callable(tell)
    key, kept = gateway.key(), gateway.key()
    with gateway.tab(key.text) as ended, gateway.tab(kept.text) as other, gateway.tab(token()) as session:
        tell(gateway, key.id)
        assert ended.end() == INVALID
        happened = gateway.happen()
        assert other.event(happened)
        assert session.event(happened)


@pytest.mark.parametrize(
    "text", [api_key_text.new("test"), "bbk_test_mistyped", "bbk_" + "x" * 8000], ids=["unknown", "mistyped", "long"]
)
def test_a_key_that_nobody_has_opens_nothing(gateway: Gateway, text: str) -> None:
    with gateway.tab() as tab:
        tab.say({"authenticate": {"token": text}})
        assert tab.end() == INVALID


def test_a_key_without_the_scope_opens_nothing(gateway: Gateway) -> None:
    with gateway.tab() as tab:
        tab.say({"authenticate": {"token": gateway.key(scope="broker").text}})
        assert tab.end() == (4403, "forbidden")


def everything(gateway: Gateway, key: str) -> tuple[Heard, tuple[int, str] | None]:
    with gateway.tab(key) as tab:
        return tab.subscribe(all=True), tab.closed


def test_everybodys_events_are_for_keys_of_administrators(gateway: Gateway) -> None:
    assert everything(gateway, gateway.key().text) == ({}, (4403, "forbidden"))


def test_a_connection_may_go_on_with_a_key_and_then_ends_with_that(gateway: Gateway) -> None:
    key = gateway.key()
    with gateway.tab(token(session="ses_first")) as tab:
        assert tab.authenticate(key.text)["account_id"] == "usr_ada"
        gateway.end_session("ses_first")
        assert tab.event(gateway.happen())
        gateway.end_key(key.id)
        assert tab.end() == INVALID


def test_streams_of_runs_are_for_keys_too_and_end_with_them(gateway: Gateway, env: Environment) -> None:
    hints: redis.Redis = env.redis()
    with hints:
        run = PlayedRun(hints).say("a")
        key = gateway.key(run.owner)
        path = f"/v1/runs/{run.id}/stream"
        with Reader(gateway.port, path, key.text) as reader:
            events = reader.events()
            assert next(events) == run.said[0]
            gateway.end_key(key.id)
            assert list(events) == []
        gateway.revoke_key(key.id)
        with Reader(gateway.port, path, key.text) as reader:
            assert (reader.status, reader.problem()) == (401, "api_key_invalid")


def test_the_log_tells_the_id_of_a_key_and_never_the_key(gateway: Gateway, eventually: Callable[..., object]) -> None:
    key = gateway.key()
    with gateway.tab(key.text) as tab:
        assert tab.event(gateway.happen())
        gateway.end_key(key.id)
        assert tab.end() == INVALID
    eventually(lambda: f'"credential": "{key.id}"' in gateway.log())
    assert key.text not in gateway.log()
    assert api_key_text.hashed(key.text) not in gateway.log()
