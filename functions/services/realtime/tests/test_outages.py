"""What its connections and streams are told when RabbitMQ, Postgres or Redis is away, or the gateway itself goes."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPException
from typing import Any, Final

import pytest
import redis

from core.configuration import secret
from functions.runtime import redis_users
from functions.services.realtime.tests import conftest
from functions.services.realtime.tests.conftest import Gateway
from functions.services.realtime.tests.played_runs import Event, PlayedRun, Reader
from functions.services.realtime.tests.tabs import token
from tools.harness.outages import REDIS, PrivateServers, private_servers
from tools.local.servers import postgres_server

Eventually = Callable[..., Any]

READERS: Final = 8
CUTS: Final = 5
"""How often each is cut, at least."""


@pytest.fixture(scope="module")
def servers() -> Iterator[PrivateServers]:
    with private_servers() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(servers: PrivateServers) -> Iterator[Gateway]:
    with conftest.running(servers.run / "gateway", servers.ports, servers.environment) as made:
        yield made


def test_connections_stay_while_rabbitmq_is_away_and_are_told(gateway: Gateway, servers: PrivateServers) -> None:
    with gateway.tab(token()) as tab:
        servers.kill_broker()
        assert tab.until("stale")["stale"]["since"]
        assert gateway.monitored("/_/ready")[0] == 503
        assert tab.event(gateway.happen()), "what is numbered arrives all the same"
        with gateway.tab(token("usr_late")) as late:
            assert late.ready["live"] is False
            servers.start_broker()
            assert tab.until("resumed") == late.until("resumed") == {"resumed": {}}
        assert gateway.monitored("/_/ready")[0] == 200


def test_who_looks_at_everybody_s_is_told_when_some_were_missed(gateway: Gateway, servers: PrivateServers) -> None:
    with gateway.tab(token("usr_root", scopes=("user", "admin"))) as everything, gateway.tab(token()) as tab:
        everything.subscribe(all=True)
        assert servers.close_connections("botberi_gateway") == 1
        assert everything.until("missed") == {"missed": {"reason": "interrupted", "sequence": None}}
        assert everything.event(gateway.publish("usr_bob"))
        assert tab.until("resumed")
        assert tab.event(gateway.happen())
        assert not [each for each in tab.received if "missed" in each]


def test_an_outage_of_postgres_loses_and_doubles_nothing(gateway: Gateway, servers: PrivateServers) -> None:
    with gateway.tab(token("usr_gap")) as tab:
        first = gateway.happen("usr_gap")
        assert tab.event(first)
        servers.stop_database(signal.SIGINT)
        try:
            assert tab.until("stale")
            with gateway.tab() as late:
                late.say({"authenticate": {"token": token()}})
                assert late.end() == (1013, "sessions_unknown")
            gateway.end_session("ses_of_usr_ended")
        finally:
            servers.start_database()
        last = [gateway.happen("usr_gap") for _ in range(3)][-1]
        assert tab.until("resumed")
        assert tab.event(last)
        assert tab.numbers == [1, 2, 3, 4]


def test_a_listening_connection_that_is_lost_costs_nothing(
    gateway: Gateway, servers: PrivateServers, eventually: Eventually
) -> None:
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = :name"
    superuser = postgres_server.connect(servers.ports.shared_psql, secret("psql-superuser"))
    with closing(superuser), gateway.tab(token("usr_deaf")) as tab:
        for number in range(1, 4):
            eventually(lambda: superuser.run(ended, name="botberi-gateway-account-events"))
            assert tab.event(gateway.happen("usr_deaf"))
            assert tab.numbers == list(range(1, number + 1))


def test_a_gateway_that_stops_says_goodbye_within_seconds(gateway: Gateway) -> None:
    with gateway.tab(token()) as tab, gateway.tab() as stranger:
        gateway.process.ask_to_stop()
        assert tab.end() == (1001, "stopping")
        assert stranger.end() == (1001, "stopping")
        assert gateway.process.process.wait(60) == 0
    gateway.start()
    with gateway.tab(token()) as tab:
        assert tab.event(gateway.happen())


def test_whoever_comes_while_it_starts_is_let_in_when_events_arrive(gateway: Gateway) -> None:
    gateway.process.stop()
    gateway.start("/_/health")
    with gateway.tab(token()) as tab:
        assert tab.ready["live"]
        assert tab.event(gateway.happen())
    assert not [each for each in tab.received if "resumed" in each]


def test_it_starts_without_rabbitmq_and_takes_connections(gateway: Gateway, servers: PrivateServers) -> None:
    gateway.process.stop()
    servers.stop_broker()
    gateway.start("/_/health")
    with gateway.tab(token()) as tab:
        assert tab.ready["live"] is False
        servers.start_broker()
        assert tab.until("resumed")


@pytest.fixture
def hints(servers: PrivateServers) -> Iterator[redis.Redis]:
    user, password = redis_users.name("admin"), secret(redis_users.secret_name("admin"))
    with redis.Redis(port=servers.ports.user_redis, username=user, password=password) as client:
        yield client


def opened(gateway: Gateway, run: PlayedRun, last: int = 0) -> Reader:
    return Reader(gateway.port, f"/v1/runs/{run.id}/stream", token(run.owner), last=last)


def test_while_redis_is_away_events_come_a_little_later(
    gateway: Gateway, servers: PrivateServers, hints: redis.Redis, eventually: Callable[..., Any]
) -> None:
    run = PlayedRun(hints).say("a")
    with opened(gateway, run) as reader:
        assert reader.next(1) == run.said
        servers.kill(REDIS)
        try:
            run.say("b", hinted=False)
            assert reader.next(1) == run.said[1:]
        finally:
            servers.start(REDIS)
        before = gateway.figure("botberi_gateway_hints_total")
        eventually(lambda: run.say("c").last and gateway.figure("botberi_gateway_hints_total") > before)
        run.end()
        assert list(reader.events()) == run.said[2:]


def test_while_postgres_is_away_streams_stay_and_lose_nothing(
    gateway: Gateway, servers: PrivateServers, hints: redis.Redis
) -> None:
    run = PlayedRun(hints).say("a")
    with opened(gateway, run) as reader:
        assert reader.next(1) == run.said
        servers.stop_database(signal.SIGINT)
        time.sleep(1.5)
        servers.start_database()
        run.say("b", hinted=False).end(hinted=False)
        assert list(reader.events()) == run.said[1:]


def test_a_gateway_that_stops_ends_its_streams_at_once_and_another_goes_on(
    gateway: Gateway, hints: redis.Redis
) -> None:
    run = PlayedRun(hints).say("a")
    with opened(gateway, run) as reader:
        assert reader.next(1) == run.said
        gateway.process.ask_to_stop()
        assert list(reader.events()) == []
        assert gateway.process.process.wait(5) == 0
    gateway.start()
    run.say("b").end()
    with opened(gateway, run, last=1) as reader:
        assert list(reader.events()) == run.said[1:]


def followed(gateway: Gateway, run: PlayedRun) -> list[Event]:
    """Read a run to its end, and be cut again and again."""
    brought: list[Event] = []
    cuts = 0
    while cuts < CUTS or not brought or brought[-1].type != "status":
        last = brought[-1].sequence if brought else 0
        with suppress(OSError, HTTPException), opened(gateway, run, last) as reader:
            for event in reader.events():
                brought.append(event)
                if cuts < CUTS and random.random() < 0.2:
                    break
        cuts += 1
    return brought


def test_whoever_is_cut_at_random_reads_the_same(gateway: Gateway, hints: redis.Redis) -> None:
    run = PlayedRun(hints)
    with ThreadPoolExecutor(READERS) as threads:
        readers = [threads.submit(followed, gateway, run) for _ in range(READERS)]
        for number in range(60):
            run.say(f"{number}", f"{number}!", hinted=random.random() < 0.8)
            if number == 30:
                gateway.kill()
                gateway.start()
        run.end()
        assert [each.result(60) == run.said for each in readers] == [True] * READERS
