"""One HTTP exchange with an agent over a connected socket, which trusts nothing of the answer."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import h11

CHUNK: Final = 64 * 1024

Headers = Sequence[tuple[str, str]]


class NoAnswerError(Exception):
    """What came is no HTTP, or was cut off."""


class TooLongError(Exception):
    """The answer's body is longer than it may be."""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    method: str = "POST"
    path: str = "/"
    body: bytes = b""
    headers: Headers = ()


async def ask(connection: socket.socket, request: Request, *, limit: int) -> tuple[int, bytes]:
    """Send a request and return the answer's status and its body of up to `limit` bytes; close the connection.

    Raises NoAnswerError and TooLongError.
    """
    connection.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        return await _Exchange(reader, writer, limit).run(request)
    except (OSError, h11.ProtocolError) as error:
        raise NoAnswerError from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class _Exchange:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int) -> None:
        self._reader = reader
        self._writer = writer
        self._limit = limit
        self._http = h11.Connection(h11.CLIENT)

    async def run(self, request: Request) -> tuple[int, bytes]:
        length = ("content-length", str(len(request.body)))
        told = [("host", "agent"), ("connection", "close"), length, *request.headers]
        for event in (
            h11.Request(method=request.method, target=request.path, headers=told),
            h11.Data(data=request.body),
            h11.EndOfMessage(),
        ):
            self._writer.write(self._http.send(event) or b"")
        # An agent may answer, and end, before it has read everything.
        with suppress(OSError):
            await self._writer.drain()
        return await self._answer()

    async def _answer(self) -> tuple[int, bytes]:
        status, body = 0, bytearray()
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._limit:
                    raise TooLongError
            elif isinstance(event, h11.EndOfMessage):
                return status, bytes(body)
            elif isinstance(event, h11.ConnectionClosed):
                raise NoAnswerError

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(CHUNK))
        return event
