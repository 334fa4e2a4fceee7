"""What a host does for each kind of call."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from core import context as call_context
from functions.domain.instances.contexts import Context, Kind
from functions.domain.instances.plan import Result
from functions.services.agent_host import images
from functions.services.agent_host.awake import Agent, Awake
from functions.services.agent_host.code_place import CodePlace
from functions.services.agent_host.exchange import Exchange, NoAnswerError, Request, TooLongError, ask
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.masking import masked
from functions.services.agent_host.memory_door import MemoryDoor
from functions.services.agent_host.replies import ACCEPT, PIECE_BYTES, Say, pass_on, raised
from functions.services.agent_host.sandbox.child import Child
from functions.services.agent_host.turns import BusyError, Turns

WAKE_SECONDS: Final = 10
"""How long an agent that is asked something may take to wake."""

ABANDONED_SECONDS: Final = 2
"""How long an agent may go on with a call that nobody waits for any more."""

_HEALTH: Final = Request("GET", "/_/health")

Line = dict[str, object]


@dataclass(frozen=True)
class _Asked:
    context: Context
    child: Child
    exchange: Exchange
    said: Sequence[str]
    """What the agent has written meanwhile, the last lines of it."""


class Calls:
    """The calls of one host."""

    def __init__(self, turns: Turns, code: CodePlace, awake: Awake, memory: MemoryDoor | None) -> None:
        """Give `turns` to calls, put code in place by `code`, and have them answered by who is `awake`.

        While it answers an agent gets at its memory through `memory`, if there is any.
        """
        self._memory = memory
        self._turns = turns
        self._code = code
        self._awake = awake
        self._abandoned: set[asyncio.Task[None]] = set()
        self._kinds: dict[Kind, Callable[[Context, Say], Awaitable[Line]]] = {
            Kind.CALL: self._call,
            Kind.VERIFY: self._verify,
            Kind.PREPARE: self._prepare,
        }

    async def answer(self, kind: Kind, context: Context, say: Say) -> Line:
        """Return the last line of the answer; `say` is called with those before it, and waited for, as they come."""
        try:
            return await self._kinds[kind](context, say)
        except BusyError as busy:
            return {"failed": Failure(busy.code).told()}
        except Failure as failure:
            told = failure.told()
            # An exception may tell a secret.
            return {"failed": {**told, "detail": failure.detail and masked([failure.detail], context)[0]}}

    async def _call(self, context: Context, say: Say) -> Line:
        await self._awake.end(context.instance_id, before=context.generation)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._turns.turn(context.instance_id, context.owner_id))
            if context.digest is None:
                await images.ask(context, say)
                return {"done": {"processor_ms": None}}
            borrowed = self._awake.borrowed(context, seconds=WAKE_SECONDS)
            agent, child = await stack.enter_async_context(borrowed)
            answering = agent.answers("" if context.message is None else context.message.id)
            said, spent = stack.enter_context(answering)
            if self._memory is not None and context.message is not None:
                stack.enter_context(self._memory.opened(context.message.memory_token))
            try:
                exchange = await Exchange.over(child.connect())
            except OSError:
                raise Failure.ended(await self._awake.ending(context, child)) from None
            stack.push_async_callback(exchange.close)
            try:
                await self._ask(_Asked(context, child, exchange, said), say)
            finally:
                if not exchange.ended:
                    # Its turn lasts until it has ended, for which nobody who asked need wait.
                    self._abandon(stack.pop_all(), agent, child, exchange)
        return {"done": {"processor_ms": spent.milliseconds}}

    async def _ask(self, asked: _Asked, say: Say) -> None:
        """Pass on what the agent answers. Raises Failure."""
        context, exchange = asked.context, asked.exchange
        try:
            async with asyncio.timeout(context.seconds):
                head = await exchange.begin(_request(context, self._memory.url if self._memory else None))
                failed = head.status >= HTTPStatus.INTERNAL_SERVER_ERROR
                await (exchange.whole(PIECE_BYTES) if failed else pass_on(head, exchange, say))
            # What was written before the end comes by another way, and may be a traceback.
            await self._awake.caught_up(asked.child)
        except TimeoutError:
            raise Failure("agent_timed_out") from None
        except TooLongError:
            raise Failure("agent_failed", result=Result.FAILED) from None
        except NoAnswerError:
            raise Failure.ended(await self._awake.ending(context, asked.child)) from None
        if failed:
            raise raised(masked(asked.said, context))

    def _abandon(self, stack: AsyncExitStack, agent: Agent, child: Child, exchange: Exchange) -> None:
        """Have a call end that nobody waits for any more, and the agent with it if it goes on all the same."""

        async def abandon() -> None:
            async with stack:
                if not await exchange.abandon(ABANDONED_SECONDS):
                    await self._awake.discard(agent, child)
                # Its lines are about what it was asked.
                await self._awake.caught_up(child)

        task = asyncio.create_task(abandon())
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)

    async def _verify(self, context: Context, _say: Say) -> Line:
        async with (
            self._turns.turn(context.instance_id, context.owner_id),
            self._awake.borrowed(context, seconds=context.seconds) as (_agent, child),
        ):
            try:
                async with asyncio.timeout(context.seconds):
                    status, _body = await ask(child.connect(), _HEALTH, limit=PIECE_BYTES)
            except TimeoutError:
                raise Failure("agent_timed_out", result=Result.TIMED_OUT) from None
            except (NoAnswerError, TooLongError, OSError):
                raise Failure.ended(await self._awake.ending(context, child)) from None
        if status != HTTPStatus.OK:
            raise Failure("agent_failed", result=Result.FAILED, cause=f"it answered health with the status {status}")
        return _DONE

    async def _prepare(self, context: Context, _say: Say) -> Line:
        await asyncio.to_thread(self._code.of, context)
        return _DONE

    async def end(self, instance_ids: Collection[str], stale: Collection[str]) -> Line:
        """End what is awake of instances, and return the last line of the answer, in which those are that are stale."""
        await asyncio.gather(*map(self._awake.end, instance_ids))
        return {"done": {"stale": sorted(stale)}}

    async def status(self, instance_id: str) -> Line:
        """Return the last line of the answer, which tells how many agents of an instance are awake."""
        return {"done": {"awake": len(self._awake.of_instance(instance_id))}}


_DONE: Final[Line] = {"done": {}}


def _request(context: Context, memory_url: str | None) -> Request:
    asked = None if context.message is None else context.message.asked(memory_url)
    body = b"" if asked is None else json.dumps(asked, ensure_ascii=False).encode()
    headers = [
        ("content-type", "application/json"),
        ("accept", ACCEPT),
        ("traceparent", call_context.current().traceparent),
    ]
    return Request(body=body, headers=headers)
