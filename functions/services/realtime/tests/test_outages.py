"""What its connections are told when RabbitMQ or Postgres is away, or the gateway itself goes."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.services.realtime.tests import conftest
from functions.services.realtime.tests.conftest import Gateway
from functions.services.realtime.tests.tabs import token
from tools.harness.outages import PrivateServers, private_servers

Eventually = Callable[..., Any]


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
        with gateway.tab(token("usr_late")) as late:
            assert late.ready["live"] is False
            servers.start_broker()
            assert tab.until("missed") == late.until("missed") == {"missed": {"reason": "interrupted"}}
        assert tab.event(gateway.publish())
        assert gateway.monitored("/_/ready")[0] == 200


def test_connections_to_rabbitmq_that_it_closes_are_opened_again(gateway: Gateway, servers: PrivateServers) -> None:
    with gateway.tab(token()) as tab:
        assert servers.close_connections("botberi_gateway") == 1
        assert tab.until("missed")
        assert tab.event(gateway.publish())


def test_nobody_resumes_over_a_gap(gateway: Gateway, servers: PrivateServers) -> None:
    with gateway.tab(token()) as tab:
        seen = gateway.publish()
        assert tab.event(seen)
        servers.close_connections("botberi_gateway")
        tab.until("missed")
    with gateway.tab(token(), after=seen) as again:
        assert again.ready["resumed"] is False


def test_while_sessions_cannot_be_checked_events_arrive_but_nobody_new_gets_in(
    gateway: Gateway, servers: PrivateServers
) -> None:
    with gateway.tab(token()) as tab:
        servers.stop_database(signal.SIGINT)
        try:
            assert tab.event(gateway.publish())
            with gateway.tab() as late:
                late.say({"authenticate": {"token": token()}})
                assert late.end() == (1013, "sessions_unknown")
            gateway.end_session("ses_of_usr_ada")
            assert tab.end() == (4401, "session_revoked")
        finally:
            servers.start_database()


def test_after_a_gap_no_event_passes_before_sessions_are_known(
    gateway: Gateway, servers: PrivateServers, eventually: Eventually
) -> None:
    with gateway.tab(token("usr_gap")) as tab:
        servers.stop_database(signal.SIGINT)
        try:
            servers.close_connections("botberi_gateway")
            assert tab.until("stale")
            # It is connected to RabbitMQ again when it has a queue there.
            eventually(lambda: "botberi.gateway." in servers.control("list_queues", "-p", "botberi", "name"))
            early = gateway.publish("usr_gap")
            assert gateway.monitored("/_/ready")[0] == 503
        finally:
            servers.start_database()
        assert tab.until("missed")
        assert tab.event(gateway.publish("usr_gap"))
        assert early not in [each.get("id") for each in tab.received]


def test_a_gateway_that_stops_says_goodbye_within_seconds(gateway: Gateway) -> None:
    with gateway.tab(token()) as tab, gateway.tab() as stranger:
        gateway.process.ask_to_stop()
        assert tab.end() == (1001, "stopping")
        assert stranger.end() == (1001, "stopping")
        assert gateway.process.process.wait(60) == 0
    gateway.start()
    with gateway.tab(token()) as tab:
        assert tab.event(gateway.publish())


def test_whoever_comes_while_it_starts_is_let_in_when_events_arrive(gateway: Gateway) -> None:
    gateway.process.stop()
    gateway.start("/_/health")
    with gateway.tab(token()) as tab:
        assert tab.ready["live"]
        assert tab.event(gateway.publish())
    assert not [each for each in tab.received if "missed" in each]


def test_it_starts_without_rabbitmq_and_takes_connections(gateway: Gateway, servers: PrivateServers) -> None:
    gateway.process.stop()
    servers.stop_broker()
    gateway.start("/_/health")
    with gateway.tab(token()) as tab:
        assert tab.ready["live"] is False
        servers.start_broker()
        assert tab.until("missed")
