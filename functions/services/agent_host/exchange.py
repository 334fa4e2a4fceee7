"""One HTTP exchange with an agent over a connection of its own, which trusts nothing of the answer."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

import h11

CHUNK: Final = 4 * 1024
"""Bytes that are looked at in one go, before others have their turn."""

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
    host: str = "agent"


@dataclass(frozen=True)
class Head:
    """The beginning of an answer."""

    status: int
    content_type: str
    """Without its parameters, in lower case."""


async def ask(connection: socket.socket, request: Request, *, limit: int) -> tuple[int, bytes]:
    """Send a request and return the answer's status and its body of up to `limit` bytes; close the connection.

    Raises NoAnswerError and TooLongError.
    """
    exchange = await Exchange.over(connection)
    try:
        head = await exchange.begin(request)
        return head.status, await exchange.whole(limit)
    finally:
        await exchange.close()


class Exchange:
    """A request whose answer is read as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Over an open connection, which is closed by `close`."""
        self.ended = False
        """Whether there is nothing more to come: the answer was read to its end, or was cut off."""
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def over(cls, connection: socket.socket) -> Self:
        """Return one over a connected socket."""
        connection.setblocking(False)
        return cls(*await asyncio.open_connection(sock=connection))

    @classmethod
    async def to(cls, url: str) -> Self:
        """Return one with who answers at a URL. Raises OSError."""
        place = urlsplit(url)
        context = ssl.create_default_context() if place.scheme == "https" else None
        return cls(*await asyncio.open_connection(place.hostname, place.port or (443 if context else 80), ssl=context))

    async def begin(self, request: Request) -> Head:
        """Send the request and return the beginning of the answer. Raises NoAnswerError."""
        length = ("content-length", str(len(request.body)))
        told = [("host", request.host), ("connection", "close"), length, *request.headers]
        events = (
            h11.Request(method=request.method, target=request.path, headers=told),
            h11.Data(data=request.body),
            h11.EndOfMessage(),
        )
        # In one go, so that who answers wakes once for it.
        self._writer.write(b"".join(self._http.send(each) or b"" for each in events))
        # An agent may answer, and end, before it has read everything.
        with suppress(OSError):
            await self._writer.drain()
        while not isinstance(event := await self._next(), h11.Response):
            if isinstance(event, h11.ConnectionClosed):
                self.ended = True
                raise NoAnswerError
        found = dict(event.headers).get(b"content-type", b"").decode("latin-1")
        return Head(event.status_code, found.partition(";")[0].strip().lower())

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the answer's body in pieces as they come. Raises NoAnswerError."""
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if isinstance(event, h11.ConnectionClosed):
                self.ended = True
                raise NoAnswerError
            if isinstance(event, h11.Data):
                yield bytes(event.data)
        self.ended = True

    async def whole(self, limit: int) -> bytes:
        """Return the answer's body of up to `limit` bytes. Raises NoAnswerError and TooLongError."""
        body = bytearray()
        async for piece in self.body():
            body += piece
            if len(body) > limit:
                raise TooLongError
        return bytes(body)

    async def abandon(self, seconds: float) -> bool:
        """Tell who answers that nobody waits for it any more, and return whether they have done with it in time."""
        try:
            self._writer.write_eof()
            async with asyncio.timeout(seconds):
                while await self._reader.read(CHUNK):
                    pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _next(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(CHUNK))
                # What is there already is read without waiting: others shall have their turn all the same.
                await asyncio.sleep(0)
        except (OSError, h11.ProtocolError) as error:
            self.ended = True
            raise NoAnswerError from error
        return event
