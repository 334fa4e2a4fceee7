"""A network that delays or swallows what relay and services say to each other, by proxies of the test's own."""

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from core.postgres.session import Session
from events.broker import bus
from events.relay.window import IN_FLIGHT
from events.subscriptions import Subscription
from tools.harness import history
from tools.harness.path import DATABASE, EventPath
from tools.harness.proxy import Proxy

Eventually = Callable[..., Any]

HISTORY = Subscription("history", "botberi.history", ("#",))


@pytest.fixture
def proxies(quiet_path: EventPath, eventually: Eventually) -> Iterator[dict[str, Proxy]]:
    """Start a relay behind proxies, and another that stands by without."""
    quiet_path.stop()
    shutil.rmtree(quiet_path.folder / "logs", ignore_errors=True)
    quiet_path.subscribe(HISTORY)
    quiet_path.query("drop table if exists history, subjects")
    history.delivered(quiet_path, HISTORY.queue)
    made, settings = {}, {}
    for name in ("SHARED_PSQL_URL", "EVENT_BUS_URL"):
        address, _, rest = quiet_path.environment[name].partition("/")
        made[name] = Proxy(int(address.rpartition(":")[2]))
        settings[name] = f"{made[name].address}/{rest}"
    far = quiet_path.start("relay-far", **settings)
    eventually(
        lambda: (
            quiet_path.query("select holder like '%/' || :pid from relay_cursor", pid=str(far.process.pid)) == [(True,)]
        )
    )
    quiet_path.start("relay-near")
    eventually(lambda: "standing by" in quiet_path.log("relay-near"))
    yield made
    for proxy in made.values():
        proxy.close()


def judged(path: EventPath, eventually: Eventually) -> tuple[int, int, int]:
    eventually(lambda: history.drained(path))
    verdict = history.judge(history.committed(path), history.delivered(path, HISTORY.queue))
    assert verdict.duplicates <= IN_FLIGHT
    return verdict.lost, verdict.phantom, verdict.inverted


@pytest.mark.parametrize("service", ["SHARED_PSQL_URL", "EVENT_BUS_URL"])
def test_a_relay_that_is_cut_off_is_replaced_and_publishes_nothing_more(
    quiet_path: EventPath, proxies: dict[str, Proxy], eventually: Eventually, service: str
) -> None:
    with history.writing(each=100):
        proxies[service].silent = True
        eventually(lambda: "relaying" in quiet_path.log("relay-near"))
    proxies[service].silent = False
    assert judged(quiet_path, eventually) == (0, 0, 0)


def test_a_slow_network_is_only_slow(quiet_path: EventPath, proxies: dict[str, Proxy], eventually: Eventually) -> None:
    for proxy in proxies.values():
        proxy.delay = 0.2
    with history.writing(each=100):
        pass
    assert judged(quiet_path, eventually) == (0, 0, 0)
    assert "relaying" not in quiet_path.log("relay-near")


def test_both_ends_give_up_a_peer_that_is_silent(quiet_path: EventPath) -> None:
    assert quiet_path.environment
    with closing(Session(DATABASE, "relay", name="test")) as session:
        assert session.run("show tcp_user_timeout") == [["6000"]]
        assert session.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 6000
    parameters = bus.parameters("relay", heartbeat=bus.HEARTBEAT)
    assert (parameters.tcp_options, parameters.heartbeat) == (bus.TCP_OPTIONS, 2)
    assert bus.TCP_OPTIONS["TCP_USER_TIMEOUT"] == 6000
