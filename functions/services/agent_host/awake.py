"""Who is awake: the agents of this host, each in a sandbox, woken when they are asked something and ended when idle."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Final, TypeVar

from functions.domain.instances.contexts import Context
from functions.domain.instances.deadlines import GRACE
from functions.domain.instances.endings import Cause, Ending
from functions.services.agent_host.code_place import CodePlace
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.masking import masked
from functions.services.agent_host.processor_time import ProcessorTime, Spent
from functions.services.agent_host.sandbox.child import Child
from functions.services.agent_host.sandbox.children import Children, Rules
from functions.services.agent_host.sandbox.exits import CannotWake, Exit, ExitCause
from functions.services.agent_host.sandbox.limits import Egress, Limits
from functions.services.agent_host.sandbox.log_lines import LAST_LINES, LogLine
from functions.services.agent_host.settings import Settings

log = logging.getLogger(__name__)

EXIT_SECONDS: Final = 2
"""How long what is known of an agent's end may take to arrive after its connection broke."""

STOP_SECONDS: Final = 0.5
"""How long an agent that goes on with what it shall not has from SIGTERM to SIGKILL."""

OTHERS_SECONDS: Final = 2
"""And how long if it answers others."""

T = TypeVar("T")

Listener = Callable[[LogLine], None]

OnLine = Callable[[Context, LogLine, str | None], None]
"""Told each line that an agent writes, of which instance it is, and while which message was being answered."""


@dataclass(eq=False)
class Agent:
    """An instance's agent with one of its specs: awake, or about to be."""

    context: Context
    waking: asyncio.Task[Child]
    at_work: int = 0
    """Calls that it is answering, or that wait until it is awake."""
    used_at: float = field(default_factory=time.monotonic)
    answering: list[str] = field(default_factory=list)
    """The ids of the messages that it is answering."""
    processor_time: ProcessorTime = field(init=False)
    listeners: set[Listener] = field(default_factory=set)
    """Who is told what it writes."""

    @property
    def message_id(self) -> str | None:
        """The message that it is answering; None of several, since it isn't known which of them a line is about."""
        return self.answering[0] if len(self.answering) == 1 else None

    def __post_init__(self) -> None:
        """Have the time of the process shared out among its calls, once there is one."""
        self.processor_time = ProcessorTime(lambda: self.waking.result().processor_seconds)

    @contextmanager
    def answers(self, message_id: str) -> Iterator[tuple[Sequence[str], Spent]]:
        """Have it answer a message inside of the block; yield the last lines that it writes, and what it takes.

        What it takes is known after the block.
        """
        said = deque[str](maxlen=LAST_LINES)

        def listen(line: LogLine) -> None:
            said.append(line.text)

        self.listeners.add(listen)
        self.answering.append(message_id)
        try:
            with self.processor_time.call() as spent:
                yield said, spent
        finally:
            self.listeners.discard(listen)
            self.answering.remove(message_id)

    @property
    def key(self) -> str:
        """What it is known by to its sandbox."""
        return key_of(self.context)


def key_of(context: Context) -> str:
    """Return what an instance's agent with this spec is known by."""
    return f"{context.instance_id}/{context.generation}"


class Awake:
    """The agents of this host. Used on the event loop alone."""

    def __init__(
        self, settings: Settings, code: CodePlace, on_line: OnLine = lambda *_: None, doors: Sequence[int] = ()
    ) -> None:
        """Wake agents with the code that `code` puts in place; `on_line` is called with what they write.

        `doors` are ports of 127.0.0.1 at which this process itself answers agents.
        """
        self.settings = settings
        self._on_line = on_line
        self.woken = 0
        self._code = code
        self._loop = asyncio.get_running_loop()
        self._agents: dict[str, Agent] = {}
        self._writing: dict[str, Agent] = {}
        """Those of which lines may come: they may be no longer among the agents, but have yet to end."""
        # One for each that may be waking: no owner may have so many of them that others wait.
        self._threads = ThreadPoolExecutor(settings.awake, "agents")
        self._children = Children(
            settings.folder / "awake",
            rules=Rules(Egress(settings.egress), doors=tuple(doors), room=settings.awake, bounded=settings.bounded),
            on_log=lambda line: self._hand_over(self._heard, line),
            on_exit=lambda key, _: self._hand_over(self._ended, key),
        )

    def __len__(self) -> int:
        """Return how many are awake, or about to be."""
        return len(self._agents)

    @property
    def digests(self) -> set[str]:
        """The bundles of those that are awake."""
        return {each.context.digest for each in self._agents.values() if each.context.digest}

    def of_instance(self, instance_id: str) -> list[Agent]:
        """Return the agents of one instance."""
        return [each for each in self._agents.values() if each.context.instance_id == instance_id]

    async def start(self) -> None:
        """Try the boundary around agents. Raises BoundaryNotHeld."""
        await self._in_thread(self._children.start)

    async def close(self) -> None:
        """End everything."""
        await self._in_thread(self._children.close)

    @asynccontextmanager
    async def borrowed(self, context: Context, *, seconds: float) -> AsyncIterator[tuple[Agent, Child]]:
        """Yield the instance's agent, awake, and keep it so inside of the block. Raises Failure."""
        agent = self._agents.get(key_of(context))
        if agent is None:
            await self._make_room(context)
            agent = self._agents.get(key_of(context)) or self._wake(context, seconds)
        agent.at_work += 1
        try:
            # It is woken for whoever asks for it meanwhile: nobody's leaving stops that.
            yield agent, await asyncio.shield(agent.waking)
        finally:
            agent.at_work -= 1
            agent.used_at = time.monotonic()

    def _wake(self, context: Context, seconds: float) -> Agent:
        agent = Agent(context, asyncio.create_task(self._woken(context, seconds)))
        self._agents[agent.key] = self._writing[agent.key] = agent
        agent.waking.add_done_callback(lambda task: self._forget_failed(agent, task))
        return agent

    async def _woken(self, context: Context, seconds: float) -> Child:
        code = await self._in_thread(lambda: self._code.of(context))
        told = {"config": context.config, "instance": context.instance_id, "generation": context.generation}
        wake = self._children.wake
        try:
            child = await self._in_thread(
                lambda: wake(key_of(context), code, json.dumps(told).encode(), limits_of(context), seconds=seconds)
            )
        except CannotWake as error:
            raise Failure.not_started(ending_of(error.exit, context)) from None
        self.woken += 1
        return child

    def _forget_failed(self, agent: Agent, task: asyncio.Task[Child]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._forget(agent)

    def _forget(self, agent: Agent) -> None:
        for known in (self._agents, self._writing):
            if known.get(agent.key) is agent:
                del known[agent.key]

    async def _make_room(self, context: Context) -> None:
        """End what was idle longest, where as many are awake as may be. Raises Failure when all are at work."""
        owned = [each for each in self._agents.values() if each.context.owner_id == context.owner_id]
        if len(owned) >= self.settings.of_an_owner:
            await self._end_an_idle_one(owned, "owner_busy")
        elif len(self._agents) >= self.settings.awake:
            await self._end_an_idle_one(list(self._agents.values()), "platform_full")

    async def _end_an_idle_one(self, among: list[Agent], code: str) -> None:
        idle = [each for each in among if not each.at_work and each.waking.done()]
        if not idle:
            raise Failure(code)
        await self._end(min(idle, key=lambda each: each.used_at))

    async def end(self, instance_id: str, *, before: int | None = None) -> None:
        """End the agents of an instance, those that are being woken among them; `before`: of earlier generations."""
        agents = [each for each in self.of_instance(instance_id) if before is None or each.context.generation < before]
        await asyncio.gather(*(self._end(each) for each in agents))

    async def end_idle(self) -> None:
        """End those that were asked nothing for a while."""
        until = time.monotonic() - self.settings.idle_seconds
        idle = [each for each in self._agents.values() if not each.at_work and each.waking.done()]
        await asyncio.gather(*(self._end(each) for each in idle if each.used_at < until))

    async def _end(self, agent: Agent) -> None:
        # Nobody is given it any more; who has it sees it end.
        if self._agents.get(agent.key) is agent and agent.waking.done():
            del self._agents[agent.key]
        for child in await self._in_thread(lambda: self._children.begin_end(agent.key, GRACE)):
            await self._end_of(child)
        with suppress(Failure, asyncio.CancelledError):
            child = await agent.waking
            if child.exit is None:
                # It was not there yet when it was to end: its code was being put in place.
                await self._in_thread(lambda: child.begin_end(GRACE, ExitCause.ENDED))
                await self._end_of(child)
        self._forget(agent)

    async def discard(self, agent: Agent, child: Child) -> None:
        """End an agent that goes on with what it shall not; what else it answers has a moment to finish."""
        if self._agents.get(agent.key) is agent:
            del self._agents[agent.key]
        grace = OTHERS_SECONDS if agent.at_work > 1 else STOP_SECONDS
        await self._in_thread(lambda: child.begin_end(grace, ExitCause.ENDED))
        await self._end_of(child)
        self._forget(agent)

    async def ending(self, context: Context, child: Child) -> Ending:
        """Return how an instance's agent ended whose connection broke; one that goes on has only cut it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EXIT_SECONDS):
                await self._end_of(child)
        return Ending(cause=Cause.CUT) if child.exit is None else ending_of(child.exit, context)

    async def _end_of(self, child: Child) -> None:
        """Wait until no process of a child is left, without a thread: there may be many that take their time."""
        ended = asyncio.Event()
        child.when_ended(lambda: self._hand_over(ended.set))
        await ended.wait()

    async def caught_up(self, child: Child) -> None:
        """Wait until whoever listens to the child was told all that it has written by now."""
        done = asyncio.Event()
        self._children.catch_up(child, lambda: self._hand_over(done.set))
        await done.wait()

    def _heard(self, line: LogLine) -> None:
        agent = self._writing.get(line.key)
        if agent is None:
            return
        self._on_line(agent.context, line, agent.message_id)
        for listener in tuple(agent.listeners):
            listener(line)

    def _ended(self, key: str) -> None:
        agent = self._agents.get(key)
        # Its predecessor of the same key may be meant.
        if agent is not None and agent.waking.done() and agent.waking.result().exit is not None:
            self._forget(agent)

    def _hand_over(self, take: Callable[..., None], *facts: object) -> None:
        with suppress(RuntimeError):
            # The loop is closed when the host ends.
            self._loop.call_soon_threadsafe(take, *facts)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, work)


def limits_of(context: Context) -> Limits:
    """Return the limits of an instance: its own where they are narrower than the host's."""
    ours = asdict(Limits())
    return Limits(**{name: min(limit, context.limits.get(name, limit)) for name, limit in ours.items()})


def ending_of(end: Exit, context: Context) -> Ending:
    """Return what a sandbox tells of an end, in the words for owners, and without the instance's secrets."""
    # Before anything is cut off: of a secret that is cut, the rest would not be known again.
    last_lines = masked(end.last_lines, context)
    return Ending(cause=Cause(end.cause.value), code=end.code, signal=end.signal, last_lines=last_lines)
