"""Whoever comes back with the number of the last event is sent what followed, once, from whichever gateway."""

import asyncio
import json
import os
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from functions.services.realtime.account_events import PAGE
from functions.services.realtime.protocol import PATH, SUBPROTOCOL
from functions.services.realtime.tests.conftest import Gateway, running
from functions.services.realtime.tests.tabs import token
from testing.environment import Environment
from tools.local.ports import free_ports

CUTS = int(os.environ.get("CUTS", "100"))
"""Disconnects, at least; `make chaos-feed` makes more."""

ACCOUNTS = 10
EACH = 3
"""Those who follow an account."""

INSTANCE_CHANGED = "com.botberi.instance.changed.v1"


@pytest.fixture(scope="module")
def other(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    ports = replace(gateway.ports, **dict(zip(("gateway", "monitoring_gateway"), free_ports(2), strict=True)))
    with running(tmp_path_factory.mktemp("other"), ports, gateway.environment) as made:
        yield made


def test_whoever_comes_for_the_first_time_is_sent_what_happens_from_then_on(gateway: Gateway) -> None:
    gateway.happen("usr_first")
    with gateway.tab(token("usr_first")) as tab:
        assert tab.ready["sequence"] == 1
        assert tab.event(gateway.happen("usr_first"))
        assert tab.numbers == [2]


def test_from_every_number_on_the_same_follows_from_every_gateway(gateway: Gateway, other: Gateway) -> None:
    happened = [gateway.happen("usr_away") for _ in range(6)]
    for after in range(6):
        for each in (gateway, other):
            with each.tab(token("usr_away"), after) as tab:
                assert tab.ready["sequence"] == after
                assert tab.event(happened[-1])
                assert [event["id"] for event in tab.events] == happened[after:]
                assert tab.numbers == list(range(after + 1, 7))


def test_more_than_a_page_is_sent_in_pages_and_then_what_happens(gateway: Gateway) -> None:
    gateway.number(*(gateway.event("usr_pages") for _ in range(3 * PAGE)))
    with gateway.tab(token("usr_pages"), 0) as tab:
        assert tab.event(gateway.happen("usr_pages"))
        assert tab.numbers == list(range(1, 3 * PAGE + 2))


def test_what_is_forgotten_is_said_with_where_it_goes_on(gateway: Gateway, env: Environment) -> None:
    last = [gateway.happen("usr_old") for _ in range(5)][-1]
    forget(env, "usr_old", 3)
    with gateway.tab(token("usr_old"), 1) as tab:
        assert tab.event(last)
        assert tab.received[1] == {"missed": {"reason": "forgotten", "sequence": 3}}
        assert tab.numbers == [4, 5]
    forget(env, "usr_old", 5)
    with gateway.tab(token("usr_old"), 4) as tab:
        assert tab.until("missed") == {"missed": {"reason": "forgotten", "sequence": 5}}
        assert tab.event(gateway.happen("usr_old"))
        assert tab.numbers == [6]


def forget(env: Environment, owner: str, sequence: int) -> None:
    with env.transaction("shared_psql", "migrator") as db:
        gone = "delete from account_events where owner_id = :owner and sequence <= :sequence"
        db.execute(text(gone), {"owner": owner, "sequence": sequence})


def test_a_number_that_there_never_was_is_said_to_be_unknown(gateway: Gateway) -> None:
    gateway.happen("usr_restored")
    with gateway.tab(token("usr_restored"), 7) as tab:
        assert tab.until("missed") == {"missed": {"reason": "unknown", "sequence": 1}}
        assert tab.event(gateway.happen("usr_restored"))
        assert tab.numbers == [2]


def test_a_subscription_goes_back_as_far_as_it_says(gateway: Gateway) -> None:
    for subject in ("ins_1", "ins_2", "ins_1"):
        gateway.happen("usr_back", subject)
    with gateway.tab(token("usr_back")) as tab:
        assert tab.subscribe(subjects=["ins_1"], after=0)["sequence"] == 0
        assert tab.event(gateway.happen("usr_back"))
        assert tab.numbers == [1, 3, 4]


def test_what_was_not_asked_for_counts_as_sent(gateway: Gateway) -> None:
    with gateway.tab(token("usr_narrow")) as tab:
        tab.subscribe(types=[INSTANCE_CHANGED])
        gateway.happen("usr_narrow")
        assert tab.event(gateway.happen("usr_narrow", type=INSTANCE_CHANGED))
        assert tab.subscribe()["sequence"] == 2
        assert tab.numbers == [2]


def test_a_new_token_leaves_the_connection_where_it_is(gateway: Gateway) -> None:
    gateway.happen("usr_renews")
    with gateway.tab(token("usr_renews"), 0) as tab:
        assert tab.event(gateway.happen("usr_renews"))
        assert tab.authenticate(token("usr_renews"), 0)["sequence"] == 2
        assert tab.event(gateway.happen("usr_renews"))
        assert tab.numbers == [1, 2, 3]


@dataclass
class Follower:
    """Somebody whose connection is cut again and again, without a goodbye."""

    account: str
    ports: list[int]
    brought: list[tuple[int, str]] = field(default_factory=list)
    cuts: int = 0

    async def follow(self, last: int, cuts: int) -> None:
        """Connect and be cut until all has come, and often enough."""
        mine = token(self.account)
        while self.cuts < cuts or len(self.brought) < last:
            # A gateway that is being replaced takes nobody, or cuts by itself.
            with suppress(OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
                async with asyncio.timeout(random.uniform(0.02, 0.3)):
                    await self._read(mine)
            self.cuts += 1

    async def _read(self, mine: str) -> None:
        async with connect(
            f"ws://127.0.0.1:{random.choice(self.ports)}{PATH}",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            proxy=None,
        ) as socket:
            try:
                after = self.brought[-1][0] if self.brought else 0
                await socket.send(json.dumps({"authenticate": {"token": mine, "after": after}}))
                async for message in socket:
                    said = json.loads(message)
                    assert "missed" not in said
                    if "event" in said:
                        self.brought.append((said["event"]["sequence"], said["event"]["cloudevent"]["id"]))
            finally:
                socket.transport.abort()


async def cut(gateway: Gateway, other: Gateway, accounts: list[str], events: int) -> list[Follower]:
    """Let events happen while everybody is cut at random, and one gateway is killed."""
    followers = [Follower(account, [gateway.port, other.port]) for account in accounts for _ in range(EACH)]
    following = [asyncio.create_task(each.follow(events, CUTS // len(followers) + 1)) for each in followers]
    for number in range(events):
        await asyncio.to_thread(gateway.number, *(gateway.event(account) for account in accounts))
        if number == events // 2:
            other.kill()
            await asyncio.to_thread(other.start)
    await asyncio.gather(*following)
    return followers


def test_disconnects_at_random_moments_lose_and_double_nothing(
    gateway: Gateway, other: Gateway, env: Environment
) -> None:
    accounts = [f"usr_cut{number}" for number in range(ACCOUNTS)]
    followers = asyncio.run(cut(gateway, other, accounts, CUTS // 2))
    assert sum(each.cuts for each in followers) >= CUTS
    with env.transaction("shared_psql", "gateway") as db:
        rows = db.execute(text("select owner_id, sequence, event from account_events order by sequence")).all()
    for each in followers:
        happened = [(number, json.loads(event)["id"]) for owner, number, event in rows if owner == each.account]
        assert each.brought == happened
