"""What a host does for each kind of call."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import Final

from core import context as call_context
from functions.domain.instances.contexts import Context, Kind
from functions.domain.instances.plan import Result
from functions.services.agent_host.awake import Agent, Awake
from functions.services.agent_host.code_place import CodePlace
from functions.services.agent_host.exchange import NoAnswerError, Request, TooLongError, ask
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.images import Images
from functions.services.agent_host.masking import masked
from functions.services.agent_host.replies import MAX_BYTES, invalid, reply
from functions.services.agent_host.sandbox.children import Child
from functions.services.agent_host.sandbox.log_lines import LAST_LINES, LogLine
from functions.services.agent_host.turns import BusyError, Turns

WAKE_SECONDS: Final = 10
"""How long an agent that is asked something may take to wake."""

_HEALTH: Final = Request("GET", "/_/health")

Line = dict[str, object]


class Calls:
    """The calls of one host."""

    def __init__(self, turns: Turns, code: CodePlace, awake: Awake) -> None:
        """Give `turns` to calls, put code in place by `code`, and have them answered by who is `awake`."""
        self._turns = turns
        self._code = code
        self._awake = awake
        self._images = Images()
        self._kinds: dict[Kind, Callable[[Context], Awaitable[Line]]] = {
            Kind.CALL: self._call,
            Kind.VERIFY: self._verify,
            Kind.PREPARE: self._prepare,
        }

    async def answer(self, kind: Kind, context: Context) -> Line:
        """Return the last line of the answer."""
        try:
            return await self._kinds[kind](context)
        except BusyError as busy:
            return {"failed": Failure(busy.code).told()}
        except Failure as failure:
            return {"failed": failure.told()}

    async def _call(self, context: Context) -> Line:
        await self._awake.end(context.instance_id, before=context.generation)
        if context.digest is None:
            async with self._turns.turn(context.instance_id, context.owner_id):
                return {"answer": {"text": await self._images.ask(context)}}
        async with (
            self._turns.turn(context.instance_id, context.owner_id),
            self._awake.borrowed(context, seconds=WAKE_SECONDS) as (agent, child),
        ):
            return {"answer": {"text": await self._ask(context, agent, child)}}

    async def _ask(self, context: Context, agent: Agent, child: Child) -> str:
        said = deque[str](maxlen=LAST_LINES)

        def listen(line: LogLine) -> None:
            said.append(line.text)

        message_id = "" if context.message is None else context.message.id
        agent.listeners.add(listen)
        agent.answering.append(message_id)
        try:
            async with asyncio.timeout(context.seconds):
                status, body = await self._post(context, child)
            # What was written before the answer comes by another way, and may be a traceback.
            await self._awake.caught_up(child)
        except TimeoutError:
            raise Failure("agent_timed_out") from None
        except TooLongError:
            raise invalid(f"The agent's answer is longer than {MAX_BYTES} bytes.") from None
        except (NoAnswerError, OSError):
            raise Failure.ended(await self._awake.ending(context, child)) from None
        finally:
            agent.listeners.discard(listen)
            agent.answering.remove(message_id)
        return reply(status, body, masked(said, context) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ())

    async def _post(self, context: Context, child: Child) -> tuple[int, bytes]:
        message = context.message
        body = b"" if message is None else message.model_dump_json().encode()
        headers = [
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("traceparent", call_context.current().traceparent),
        ]
        return await ask(child.connect(), Request(body=body, headers=headers), limit=MAX_BYTES)

    async def _verify(self, context: Context) -> Line:
        async with (
            self._turns.turn(context.instance_id, context.owner_id),
            self._awake.borrowed(context, seconds=context.seconds) as (_agent, child),
        ):
            try:
                async with asyncio.timeout(context.seconds):
                    status, _body = await ask(child.connect(), _HEALTH, limit=MAX_BYTES)
            except TimeoutError:
                raise Failure("agent_timed_out", result=Result.TIMED_OUT) from None
            except (NoAnswerError, TooLongError, OSError):
                raise Failure.ended(await self._awake.ending(context, child)) from None
        if status != HTTPStatus.OK:
            raise Failure("agent_failed", result=Result.FAILED, cause=f"it answered health with the status {status}")
        return _DONE

    async def _prepare(self, context: Context) -> Line:
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
