"""`botberi agents dev`: run the agent in a folder as the platform would, and again after each change."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from pydantic import JsonValue

from cli import watched_files
from cli.agent_folder import FolderInvalid
from cli.watched_files import Stamps, WatchedFiles
from core.ids import new_id
from core.logs import said
from functions.domain.instances.contexts import Answer, Message

if TYPE_CHECKING:
    from cli.local_agent import LocalAgent, OnEvent, Told
    from functions.domain.runs.agent_events import AgentEvent

POLL: Final = 0.5
"""Seconds between two looks at the files."""

THREADS: Final = 4
"""Messages that come by HTTP at a time: as many as one instance may be asked."""

GRACE: Final = 10
"""Seconds that messages under way may take at the end."""

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("dev")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--config", "config", type=FILE, help="A file with the config; without it, the schema's defaults.")
@click.option("--secrets", "secrets", type=FILE, help="A file with what of the config is secret.")
@click.option("--port", default=8100, show_default=True, help="Where POST / takes messages, on this machine alone.")
@click.option("--no-sandbox", is_flag=True, help="Run it without the boundary that agents are kept in.")
def dev(folder: Path, config: Path | None, secrets: Path | None, port: int, no_sandbox: bool) -> None:
    """Run the agent in FOLDER on this machine as the platform would, and anew at each change, until Ctrl-C.

    It answers what is written here, and POST / with {"text": "…"}; what publication would refuse is said. Both files
    hold a JSON object, and the one with secrets is merged into the config.
    """
    from cli.local_agent import LocalAgent
    from functions.services.agent_host.sandbox.exits import BoundaryNotHeld

    files = WatchedFiles(folder.resolve(), config, secrets)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "botberi" / "agents"
    screen = _Screen()
    with tempfile.TemporaryDirectory(prefix="botberi-") as scratch:

        async def run() -> None:
            agent = LocalAgent(files.folder, Path(scratch), cache, bounded=not no_sandbox, say=screen.agent)
            await _Session(agent, files, screen).run(port)

        try:
            asyncio.run(run())
        except BoundaryNotHeld as error:
            raise click.ClickException(
                f"agents can't be kept in their boundary on this machine: {error}. --no-sandbox runs yours without it: "
                "it may then do whatever you may, and what the boundary refuses works here and nowhere else."
            ) from None


class _Screen:
    """What is written to the terminal: what the agent writes, what became of it, and a prompt where somebody types."""

    def __init__(self) -> None:
        """Prompt nobody yet."""
        self.prompts = False
        self._in_line = False
        """Whether the agent's answer has begun a line."""

    def say(self, text: str) -> None:
        """Write of the command itself."""
        self._write(text)

    def agent(self, line: str) -> None:
        """Write what the agent has written."""
        self._write(click.style(f"| {line}", dim=True))

    def event(self, said: "AgentEvent") -> None:
        """Write what the agent says."""
        if said.type == "text":
            click.echo(said.text if self._in_line else f"\r{said.text}", nl=False)
            self._in_line = True
        elif said.type == "input":
            self._write(said.text)
        else:
            told = said.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"type"})
            self._write(click.style(f"{said.type}: {json.dumps(told, ensure_ascii=False)}", dim=True))

    def wrong(self, text: str) -> None:
        """Write what went wrong."""
        self._write(click.style(text, fg="red"))

    def prompt(self) -> None:
        """Ask for a message."""
        if self.prompts:
            self._end_line()
            click.echo("> ", nl=False)

    def _end_line(self) -> None:
        if self._in_line:
            click.echo()
            self._in_line = False

    def _write(self, text: str) -> None:
        self._end_line()
        # A line that comes while somebody types takes the prompt's place.
        click.echo(f"\r{text}" if self.prompts else text)


@dataclass
class _Session:
    """One run of the command."""

    agent: "LocalAgent"
    files: WatchedFiles
    screen: _Screen
    _remark: str | None = None
    _asked: bool = False
    """Whether the agent's last answer has ended with a question."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, port: int) -> None:
        """Serve, and follow the files, until told to stop."""
        from cli import agent_door
        from functions.runtime import problems
        from functions.runtime.http.adapter import Adapter
        from functions.runtime.http.protocol import Limits
        from functions.runtime.http.server import Server, listening

        try:
            listens = listening(f"127.0.0.1:{port}")
        except OSError as error:
            raise click.ClickException(f"port {port}: {error.strerror}. Choose another by --port.") from None
        await self.agent.start()
        door = agent_door.application(self._told, asyncio.get_running_loop())
        server = Server(Adapter(door, THREADS, problems.of_request), problems.of_request, Limits(grace=GRACE))
        following = asyncio.create_task(self._follow())
        self.screen.say(f"POST http://127.0.0.1:{port}/ takes messages, until Ctrl-C.")
        following.add_done_callback(lambda _: server.stop())
        self._listen(server.stop)
        try:
            await server.serve([listens])
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        finally:
            await self.agent.close()

    async def _follow(self) -> None:
        """Use what is in the files, and again whenever they have changed."""
        used: Stamps | None = None
        while True:
            found = await asyncio.to_thread(self.files.stamps)
            if found != used:
                await self._use(watched_files.differing(used, found))
                used = found
            await self.agent.tidy()
            await asyncio.sleep(POLL)

    async def _use(self, changed: list[str]) -> None:
        if changed:
            self.screen.say(f"{', '.join(changed)} changed")
        try:
            source, config = await asyncio.to_thread(self.files.read)
        except FolderInvalid as invalid:
            goes_on = ", and what was there before goes on" if self.agent.in_use else ""
            self.screen.wrong("\n  ".join([f"This can't be published{goes_on}:", *invalid.problems]))
            self.screen.prompt()
            return
        except OSError as error:
            # A file went while it was read: that is a change, after which it is read again.
            self.screen.wrong(said(error))
            return
        if wrong := await self.agent.use(source.bundle, config):
            self.screen.wrong(wrong)
        else:
            files = "a file" if source.files == 1 else f"{source.files} files"
            self.screen.say(f"{self.files.folder.name} answers: {files}, {len(source.bundle)} bytes")
        remark = self.files.remark()
        if remark and remark != self._remark:
            self.screen.say(f"It can't be published yet: {remark}")
        self._remark = remark
        self.screen.prompt()

    def _listen(self, stop: Callable[[], None]) -> None:
        """Take messages from the terminal, if there is one; stop where its input ends."""
        if not sys.stdin.isatty():
            return
        self.screen.prompts = True
        loop = asyncio.get_running_loop()

        def read() -> None:
            line = sys.stdin.readline()
            if not line:
                loop.remove_reader(sys.stdin)
                stop()
            elif line.strip():
                task = loop.create_task(self._say(line.strip()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                self.screen.prompt()

        loop.add_reader(sys.stdin, read)

    async def _say(self, text: str) -> None:
        # What it has asked is answered by the next line.
        answer = Answer(id=new_id("evt"), value=_value(text)) if self._asked else None
        self._asked = False
        message = Message(id=new_id("msg"), text=text, answer=answer)
        await self._told(message, self._hear)
        self.screen.prompt()

    def _hear(self, said: "AgentEvent") -> None:
        self._asked = said.type == "input"
        self.screen.event(said)

    async def _told(self, message: Message, say: "OnEvent") -> "Told":
        """Return what came of a message, and write what goes wrong."""
        told = await self.agent.answer(message, say)
        if told.failed is not None:
            self.screen.wrong(self.agent.explained(told.failed))
        return told


def _value(text: str) -> JsonValue:
    """Return what a line says as an answer: JSON, or else the line itself."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value
