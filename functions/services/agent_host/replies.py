"""What an agent's answer says, whoever it was asked by, passed on as it comes.

An answer is one JSON object, or a stream: of lines of JSON (`application/x-ndjson`), or of server-sent events.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Final

from functions.domain.instances.plan import Result
from functions.domain.runs import agent_events
from functions.domain.runs.agent_events import EVENTS, REPLY_BYTES, AgentEvent, EventInvalid, Input, Text
from functions.services.agent_host.exchange import Exchange, Head
from functions.services.agent_host.failures import Failure

PIECE_BYTES: Final = 3 * REPLY_BYTES + 64 * 1024
"""The longest that one piece may be as it comes: JSON may write a character of any script in three times its bytes."""

ALL_BYTES: Final = 16 * 1024 * 1024
"""What all events of one answer may have together."""

TEXT_CHARACTERS: Final = 16 * 1024
"""A longer text is passed on in pieces of this length."""

DETAIL: Final = 1000
"""Characters that are told of how an agent says that it failed."""

_GZIP: Final = b"\x1f\x8b"
"""How whatever gzip has compressed begins."""

_DONE: Final = b"[DONE]"
"""What some streams of server-sent events end with."""

ACCEPT: Final = "application/json, application/x-ndjson, text/event-stream"

_LINES: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})


Say = Callable[[Sequence[bytes]], Awaitable[None]]
"""Passes events on, each as JSON, and returns once there is room for the next."""


async def pass_on(head: Head, exchange: Exchange, say: Say) -> None:
    """Pass on what an agent answers as it comes. Raises Failure, NoAnswerError."""
    check(head.status)
    reply = Reply(head)
    async for chunk in exchange.body():
        await _say_all(reply.feed(chunk), say)
    await _say_all(reply.end(), say)
    if reply.question is not None:
        await say([await asyncio.to_thread(_asked, reply.question)])


def _asked(question: Input) -> bytes:
    """Return what an agent asks for as JSON. Raises Failure unless it can be answered. It may take a second."""
    try:
        agent_events.check_schema(question)
        return agent_events.encoded(question)
    except EventInvalid as error:
        raise invalid(str(error)) from None


async def _say_all(events: Iterator[bytes], say: Say) -> None:
    """Pass on at once what has come at once, and what came before a Failure too."""
    found: list[bytes] = []
    try:
        found.extend(events)
    finally:
        if found:
            await say(found)


class Reply:
    """An agent's answer while it comes."""

    def __init__(self, head: Head) -> None:
        """`head` has said that it is one."""
        self.question: Input | None = None
        """What the agent asks for, with which its answer ends."""
        self._pieces: _Whole | _Lines | _ServerSentEvents
        if head.content_type in _LINES:
            self._pieces = _Lines()
        elif head.content_type == "text/event-stream":
            self._pieces = _ServerSentEvents()
        else:
            self._pieces = _Whole()
        self._count = 0
        self._text_bytes = 0
        self._bytes = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the events that have come with a chunk, as JSON. Raises Failure."""
        yield from self._events(self._pieces.feed(chunk))

    def end(self) -> Iterator[bytes]:
        """Yield those that are still to come at the end of the answer, but for the question. Raises Failure."""
        yield from self._events(self._pieces.end())

    def _events(self, pieces: Iterator[AgentEvent]) -> Iterator[bytes]:
        try:
            for said in pieces:
                yield from self._taken(said)
        except EventInvalid as error:
            raise invalid(str(error)) from None

    def _taken(self, said: AgentEvent) -> Iterator[bytes]:
        self._count += 1
        if self.question is not None:
            raise invalid("The agent went on after it had asked for input.")
        if self._count > EVENTS:
            raise invalid(f"The agent's answer has more than {EVENTS} events.")
        if isinstance(said, Input):
            # What follows it would be wrong.
            self.question = said
            return
        for each in self._cut(said):
            line = agent_events.encoded(each)
            self._bytes += len(line)
            if self._bytes > ALL_BYTES:
                raise invalid(f"The agent's answer is longer than {ALL_BYTES} bytes.")
            yield line

    def _cut(self, said: AgentEvent) -> Iterator[AgentEvent]:
        if not isinstance(said, Text):
            yield said
            return
        self._text_bytes += len(said.text.encode())
        if self._text_bytes > REPLY_BYTES:
            raise invalid(f"The agent's text is longer than {REPLY_BYTES} bytes.")
        for start in range(0, len(said.text), TEXT_CHARACTERS):
            yield Text(type="text", text=said.text[start : start + TEXT_CHARACTERS])


class _Whole:
    """An answer that is one JSON object: `{"text": …}`, which may have `usage`, or an event that asks for input."""

    def __init__(self) -> None:
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Iterator[AgentEvent]:
        self._body += chunk
        _check_length(self._body)
        yield from ()

    def end(self) -> Iterator[AgentEvent]:
        if self._body.startswith(_GZIP):
            raise invalid("The agent's answer is compressed, which nothing here asks for.")
        try:
            said = agent_events.decoded(bytes(self._body))
        except EventInvalid:
            said = None
        if not isinstance(said, dict) or not isinstance(text := said.get("text"), str):
            raise invalid('The agent\'s answer is not the JSON object {"text": …}.')
        if said.get("type") == "input":
            yield agent_events.event(said)
            return
        yield Text(type="text", text=text)
        if isinstance(usage := said.get("usage"), dict):
            yield agent_events.event({**usage, "type": "usage"})


class _Lines:
    """An answer of lines, each an event in JSON."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[AgentEvent]:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._rest += line
            yield from self.end()
        self._rest += rest
        _check_length(self._rest)

    def end(self) -> Iterator[AgentEvent]:
        line = bytes(self._rest).strip()
        self._rest.clear()
        if line:
            yield _decoded(line)


class _ServerSentEvents:
    """An answer of server-sent events, whose data is an event in JSON, or text."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._bytes = 0
        self._after_return = False

    def feed(self, chunk: bytes) -> Iterator[AgentEvent]:
        # A line ends with either of these, or both.
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_return = chunk.endswith(b"\r")
        *lines, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._rest += line
            yield from self._line(bytes(self._rest))
            self._rest.clear()
        self._rest += rest
        _check_length(self._rest)

    def end(self) -> Iterator[AgentEvent]:
        yield from self._line(bytes(self._rest))
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[AgentEvent]:
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
                self._bytes += len(value)
            if self._bytes > PIECE_BYTES:
                raise _too_long()
            return
        data = b"\n".join(self._data)
        said = bool(self._data)
        self._data, self._bytes = [], 0
        if said and data != _DONE:
            yield _decoded(data) if data.startswith(b"{") else _text(data)


def _text(data: bytes) -> AgentEvent:
    return Text(type="text", text=agent_events.fit(data.decode("utf-8", "replace")))


def _decoded(text: bytes) -> AgentEvent:
    said = agent_events.decoded(text)
    if isinstance(said, dict) and said.get("type") == "error":
        raise failed(str(said.get("text") or ""))
    return agent_events.event(said)


def _check_length(piece: bytearray) -> None:
    if len(piece) > PIECE_BYTES:
        raise _too_long()


def _too_long() -> Failure:
    return invalid(f"The agent's text is longer than {REPLY_BYTES} bytes, or what else it said.")


def check(status: int) -> None:
    """Raise Failure unless an answer's status, which is no error of the server's, says that it is one."""
    if status != HTTPStatus.OK:
        raise invalid(f"The agent answered with the status {status}.")


def raised(said: Sequence[str]) -> Failure:
    """Return the failure of an agent that raised an exception; `said` is what it wrote meanwhile."""
    # A traceback ends with the line that names the exception.
    return failed(next((line.strip() for line in reversed(said) if line.strip()), ""))


def failed(how: str) -> Failure:
    """Return the failure of an agent that says itself that it failed."""
    return Failure("agent_failed", f"The agent failed: {how[:DETAIL]}" if how else None, result=Result.FAILED)


def invalid(detail: str) -> Failure:
    """Return the failure of an agent whose answer is none."""
    return Failure("agent_response_invalid", detail, result=Result.FAILED)
