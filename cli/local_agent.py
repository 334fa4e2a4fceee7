"""An agent on its author's machine: what an agent host does for an instance, in this process and for one agent."""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydantic import BaseModel, JsonValue

from cli.local_memory import LocalMemory
from core.ids import new_id
from core.object_store.folder import FolderStore
from functions.domain.catalog import bundle_store
from functions.domain.instances.contexts import Context, Kind, Message
from functions.domain.instances.deadlines import START
from functions.domain.runs import agent_events
from functions.domain.runs.agent_events import AgentEvent
from functions.services.agent_host.awake import Awake
from functions.services.agent_host.calls import Calls
from functions.services.agent_host.code_cache.installer import Installer
from functions.services.agent_host.code_place import CodePlace
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.masking import masked
from functions.services.agent_host.sandbox.log_lines import TRACEBACK, LogLine
from functions.services.agent_host.settings import Settings
from functions.services.agent_host.turns import Turns

KEPT_LINES: Final = 100
"""Of what the agent wrote last: a traceback's, with the framework's own."""

_PLACE: Final = re.compile(r'File "(.+)", line (\d+)')


class Failed(BaseModel):
    """How a call failed, as an agent host says it."""

    code: str
    detail: str | None
    result: str
    cause: str
    started: bool


class Told(BaseModel):
    """How a call ended."""

    failed: Failed | None = None


OnEvent = Callable[[AgentEvent], None]
"""Told what the agent says, as it says it."""


@dataclass(frozen=True)
class Config:
    """The config of the instance."""

    values: dict[str, JsonValue]
    secret_places: tuple[str, ...]


class LocalAgent:
    """Runs the agent in a folder. Used on the event loop alone."""

    def __init__(self, folder: Path, scratch: Path, cache: Path, *, bounded: bool, say: Callable[[str], None]) -> None:
        """`scratch` is for this process alone, `cache` outlives it; `say` is told each line that the agent writes."""
        settings = replace(Settings.read(), folder=scratch / "host", bounded=bounded)
        self._folder = folder
        self._say = say
        self._store = FolderStore(scratch / "store")
        self._code = CodePlace(cache, self._store, replace(Installer.from_settings(), bounded=bounded))
        self._memory = LocalMemory()
        self._remembering: asyncio.Task[None] | None = None
        self._awake = Awake(settings, self._code, self._heard, doors=(self._memory.port,))
        turns = Turns(host=settings.calls, owner=settings.of_an_owner)
        self._calls = Calls(turns, self._code, self._awake, self._memory)
        self._context: Context | None = None
        self._copies: dict[str, str] = {}
        """Where the code of each bundle lies, by its digest."""
        self._written: deque[str] = deque(maxlen=KEPT_LINES)
        self._ids = new_id("ins"), new_id("usr")

    @property
    def in_use(self) -> bool:
        """Return whether there is anything that is to answer."""
        return self._context is not None

    async def start(self) -> None:
        """Try the boundary around agents. Raises BoundaryNotHeld."""
        await self._awake.start()
        self._remembering = asyncio.create_task(self._memory.serve())

    async def close(self) -> None:
        """End the agent."""
        await self._awake.close()
        if self._remembering is not None:
            self._remembering.cancel()
            await asyncio.wait({self._remembering})
        self._code.close()

    async def use(self, bundle: bytes, config: Config) -> str | None:
        """Put a bundle in the place of the one before, and see that it answers; return what keeps it from that."""
        instance, owner = self._ids
        generation = self._context.generation + 1 if self._context else 1
        digest = bundle_store.keep_in(self._store, bundle)
        self._written.clear()
        self._context = context = Context(
            instance_id=instance,
            owner_id=owner,
            row_version=generation,
            generation=generation,
            version_id=new_id("ver"),
            digest=digest,
            config=config.values,
            secret_places=config.secret_places,
        )
        await self._awake.end(instance, before=generation)
        for kind in (Kind.PREPARE, Kind.VERIFY):
            told = await self._told(kind, context.model_copy(update={"seconds": START}))
            if told.failed is not None:
                return self.explained(told.failed)
            self._copies[digest] = str(self._code.of(context).folder)
        return None

    async def answer(self, message: Message, say: OnEvent) -> Told:
        """Return how the answer to a message ended, which `say` is told."""
        if self._context is None:
            unready = Failure("agent_unavailable", "What is in the folder can't be published yet.")
            return Told.model_validate({"failed": unready.told()})
        self._written.clear()
        message = message.model_copy(update={"memory_token": new_id("act")})
        return await self._told(Kind.CALL, self._context.model_copy(update={"message": message}), say)

    async def _told(self, kind: Kind, context: Context, say: OnEvent = lambda _: None) -> Told:
        async def pass_on(events: Sequence[bytes]) -> None:
            for event in events:
                say(agent_events.event(agent_events.decoded(event)))

        last = await self._calls.answer(kind, context, pass_on)
        return Told.model_validate({"failed": last.get("failed")})

    async def tidy(self) -> None:
        """End an agent that was asked nothing for a while, and forget code beyond what is kept, as a host does."""
        await self._awake.end_idle()
        await asyncio.to_thread(self._code.forget, self._awake.digests)

    def explained(self, failed: Failed) -> str:
        """Return a failure in a sentence: what went wrong, with the exception and where in the folder it was raised."""
        if failed.detail is None:
            # Its code is not in place, and the installer's last lines say why.
            return failed.cause or failed.code
        what, colon, _ = failed.detail.partition(":\n")
        lines = list(self._written)
        begun = next((number for number, line in enumerate(lines) if line.startswith(TRACEBACK)), None)
        if begun is None:
            return what.rstrip(".") + "."
        raised = next(line.strip() for line in reversed(lines) if line.strip())
        places = [(self._folder / place[1], place[2]) for line in lines[begun:] if (place := _PLACE.search(line))]
        ours = [f"{file.relative_to(self._folder)}, line {line}" for file, line in places if self._is_ours(file)]
        where = f" ({ours[-1]})" if ours else ""
        return f"{what}: {raised}{where}" if colon else f"{what.rstrip('.')}{where}"

    def _is_ours(self, file: Path) -> bool:
        # Packages are told by their relative names too.
        return file.is_relative_to(self._folder) and file.is_file()

    def _heard(self, context: Context, line: LogLine, _message_id: str | None) -> None:
        # It runs from a copy, and its author looks for the file that they wrote.
        copy = self._copies.get(context.digest or "")
        [text] = masked([line.text.replace(copy, str(self._folder)) if copy else line.text], context)
        self._written.append(text)
        self._say(text)
