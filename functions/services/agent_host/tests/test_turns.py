"""Turns: bounds for instances, owners and the host, and who waits for which."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest

from functions.services.agent_host.turns import WAITING, BusyError, Turns


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def busy(turns: Turns, instance: str, owner: str) -> str:
    """Return for what a call waits in vain."""
    with pytest.raises(BusyError) as error:
        await turns.turn(instance, owner).__aenter__()
    return error.value.code


@pytest.mark.parametrize(
    ("taken", "code"),
    [
        ([("mine", "me")] * 2, "agent_busy"),
        ([("mine", "me"), ("other", "me"), ("third", "me")], "owner_busy"),
        ([("a", "x"), ("b", "y"), ("c", "z"), ("d", "x")], "platform_full"),
    ],
)
def test_who_has_to_wait_too_long_is_told_for_what(taken: list[tuple[str, str]], code: str) -> None:
    async def work() -> None:
        turns = Turns(host=4, owner=3, instance=2, patience=0.01)
        async with AsyncExitStack() as stack:
            for each in taken:
                await stack.enter_async_context(turns.turn(*each))
            assert await busy(turns, "mine", "me") == code
        async with turns.turn("mine", "me"):
            assert turns.taken == 1

    run(work())


def test_one_persons_busy_agent_keeps_nobody_else_waiting() -> None:
    async def work() -> None:
        turns = Turns(host=10, owner=5, instance=1, patience=30)
        async with turns.turn("slow", "them"):
            waiting = asyncio.create_task(turns.turn("slow", "them").__aenter__())
            await asyncio.sleep(0)
            async with turns.turn("mine", "me"):
                assert not waiting.done()
        await waiting
        assert turns.taken == 1

    run(work())


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    async def work() -> None:
        turns = Turns(host=1, owner=1, instance=1, patience=30)
        order: list[str] = []

        async def call(name: str) -> None:
            async with turns.turn(name, name):
                order.append(name)

        async with turns.turn("first", "first"):
            calls = [asyncio.create_task(call(name)) for name in ("a", "b", "c")]
            await asyncio.sleep(0)
        await asyncio.gather(*calls)
        assert order == ["a", "b", "c"]
        assert turns.taken == 0

    run(work())


def test_who_leaves_gives_the_turn_back_whether_it_had_come_or_not() -> None:
    async def work() -> None:
        turns = Turns(host=1, owner=1, instance=1, patience=30)
        async with turns.turn("a", "a"):
            early = asyncio.create_task(turns.turn("b", "b").__aenter__())
            late = asyncio.create_task(turns.turn("c", "c").__aenter__())
            await asyncio.sleep(0)
            early.cancel()
            await asyncio.sleep(0)
        late.cancel()
        await asyncio.wait({early, late})
        assert turns.taken == 0

    run(work())


def test_of_one_owner_few_wait_and_the_others_are_told_at_once() -> None:
    async def work() -> None:
        turns = Turns(host=10, owner=5, instance=1, patience=30)
        async with turns.turn("slow", "them"):
            waiting = [asyncio.create_task(turns.turn("slow", "them").__aenter__()) for _ in range(WAITING)]
            await asyncio.sleep(0)
            assert await busy(turns, "slow", "them") == "agent_busy"
        for each in waiting:
            each.cancel()

    run(work())
