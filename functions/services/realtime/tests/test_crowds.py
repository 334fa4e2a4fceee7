"""Many connections, and slow ones."""

import asyncio
import contextlib
import json
import resource
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from functions.services.realtime.protocol import PATH, SUBPROTOCOL
from functions.services.realtime.tests.conftest import Gateway
from functions.services.realtime.tests.played_runs import PlayedRun
from functions.services.realtime.tests.tabs import token
from testing.environment import Environment

Eventually = Callable[..., Any]

STREAMS = 500
RUNS = 50
ACCOUNTS = 200
EACH = 10


async def opened(port: int, account_token: str) -> ClientConnection:
    """Connect and authenticate; on a busy machine a handshake may come too late for the gateway, and is made again."""
    for _ in range(10):
        try:
            return await _opened(port, account_token)
        except (InvalidMessage, ConnectionClosed):
            await asyncio.sleep(1)
    return await _opened(port, account_token)


async def _opened(port: int, account_token: str) -> ClientConnection:
    socket = await connect(
        f"ws://127.0.0.1:{port}{PATH}",
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
        proxy=None,
        open_timeout=60,
        ping_interval=None,
    )
    await socket.send(json.dumps({"authenticate": {"token": account_token}}))
    assert "ready" in json.loads(await socket.recv())
    return socket


async def subject(socket: ClientConnection) -> str:
    """Return the subject of the first event."""
    while "event" not in (message := json.loads(await socket.recv())):
        pass
    return str(message["event"]["cloudevent"]["subject"])


async def crowd(gateway: Gateway) -> list[set[str]]:
    """Connect two thousand times, let every account have one event, and return what each account has received."""
    sockets = []
    for number in range(ACCOUNTS):
        mine = token(f"usr_{number}")
        sockets.append(await asyncio.gather(*(opened(gateway.port, mine) for _ in range(EACH))))
    events = [gateway.event(f"usr_{number}", f"ins_{number}") for number in range(ACCOUNTS)]
    await asyncio.to_thread(gateway.number, *events)
    received = [set(await asyncio.gather(*map(subject, own))) for own in sockets]
    assert gateway.figure("botberi_gateway_listeners") == ACCOUNTS * EACH
    await asyncio.gather(*(socket.close() for own in sockets for socket in own))
    return received


def test_two_thousand_connections_each_receive_their_own(gateway: Gateway, eventually: Eventually) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert asyncio.run(crowd(gateway)) == [{f"ins_{number}"} for number in range(ACCOUNTS)]
    eventually(lambda: gateway.figure("botberi_gateway_connections") == 0)


def test_whoever_does_not_read_is_sent_away_and_holds_up_nobody(gateway: Gateway, eventually: Eventually) -> None:
    large = {"instance_id": "ins_1", "owner_id": "usr_slow", "message": "x" * 100_000}
    everything = token("usr_root", scopes=("user", "admin"))
    with gateway.tab(everything) as slow, gateway.tab(token()) as other:
        slow.subscribe(all=True)
        gateway.send(*(gateway.event("usr_slow", data=large) for _ in range(400)))
        assert other.event(gateway.happen())
        eventually(lambda: 'closed_total{code="1013"} 1.0' in gateway.monitored("/metrics")[1])
        slow.until(lambda _: False)
        assert slow.closed in {(1013, "too_slow"), (1006, "")}


def test_whoever_is_slow_is_sent_everything_in_its_own_time(gateway: Gateway) -> None:
    large = {"instance_id": "ins_1", "owner_id": "usr_slow", "message": "x" * 100_000}
    with gateway.tab(token("usr_slow")) as slow, gateway.tab(token("usr_slow")) as other:
        gateway.number(*(gateway.event("usr_slow", data=large) for _ in range(400)))
        last = gateway.happen("usr_slow")
        assert other.event(last)
        assert slow.event(last)
        assert slow.numbers == other.numbers == list(range(1, 402))


async def read(port: int, run: PlayedRun) -> list[int]:
    """Read a run to its end over a bare connection, and return the numbers of its events."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET /v1/runs/{run.id}/stream HTTP/1.0\r\nAuthorization: Bearer {token(run.owner)}\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return [int(line[4:]) for line in answer.splitlines() if line.startswith(b"id: ")]


async def readers(gateway: Gateway, runs: list[PlayedRun], eventually: Eventually) -> list[list[int]]:
    """Read each run STREAMS / RUNS times at once, and let it say something when all are there."""
    reading = [asyncio.create_task(read(gateway.port, run)) for run in runs for _ in range(STREAMS // RUNS)]
    there = "botberi_gateway_streams"
    await asyncio.to_thread(eventually, lambda: gateway.figure(there) == STREAMS)
    for run in runs:
        await asyncio.to_thread(run.say("a", "b", "c").end)
    return await asyncio.gather(*reading)


def test_five_hundred_streams_each_bring_their_run(gateway: Gateway, env: Environment, eventually: Eventually) -> None:
    runs = [PlayedRun(env.redis(), f"usr_{number}") for number in range(RUNS)]
    assert asyncio.run(readers(gateway, runs, eventually)) == [[1, 2, 3, 4]] * STREAMS


@pytest.fixture
def small(gateway: Gateway) -> Iterator[Gateway]:
    gateway.process.stop()
    gateway.start(GATEWAY_CONNECTIONS="2")
    yield gateway
    gateway.process.stop()
    gateway.start()


def test_more_than_it_takes_are_told_to_come_back(small: Gateway) -> None:
    with small.tab(token("usr_1")), small.tab(token("usr_2")), pytest.raises(InvalidStatus, match="503"):
        small.tab()
