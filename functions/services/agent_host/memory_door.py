"""The door to agents' memory: the one address beside what egress allows that every agent of a host may connect to.

It passes on what an agent asks of its memory, with the token that the agent was told for the call, to the function that
keeps memories. It takes tokens of calls under way alone, three methods, one path and small values, and tells nothing
else.
"""

import asyncio
import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import ClassVar, Final

from typing_extensions import override
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from core import http_client
from functions.runtime.http.adapter import Headers, whole_body
from functions.runtime.http.protocol import Connection, Limits
from functions.runtime.http.server import Server

SETTING: Final = "AGENT_MEMORY_URL"
"""Where memories are kept: the function `agent_memory`. Without it agents have none."""

VALUE_BYTES: Final = 64 * 1024
"""Of a value, and of an answer."""

AT_ONCE: Final = 16
"""Requests that are passed on at a time, of all agents."""

OF_A_TOKEN: Final = 4
"""And of one call."""

CONNECTIONS: Final = 512

SECONDS: Final = 10
"""How long the function may take."""

LIMITS: Final = Limits(idle=5, body=5, response=5, grace=1)

_PATH: Final = re.compile(r"/v1/memory/(?!\.+$)[A-Za-z0-9._~-]{1,256}")
_METHODS: Final = ("GET", "PUT", "DELETE")
_SCHEME: Final = b"Bearer "

Answer = tuple[int, str, bytes]
"""Status, content type and body."""


class MemoryDoor:
    """The ASGI application, and the socket that it is asked through. Used on the event loop alone."""

    def __init__(self, address: str) -> None:
        """Pass on to the function at `address`, which is called in threads."""
        self.listening = socket.create_server(("127.0.0.1", 0))
        self._address = address.rstrip("/")
        self._tokens: Counter[str] = Counter()
        """Of calls under way."""
        self._passing: Counter[str] = Counter()
        """Requests that are being passed on, by their tokens."""
        self._threads = ThreadPoolExecutor(AT_ONCE, "memory")

    @property
    def port(self) -> int:
        """Return the port of 127.0.0.1 at which it answers."""
        port: int = self.listening.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Return what agents put `/` and a key behind."""
        return f"http://127.0.0.1:{self.port}/v1/memory"

    @contextmanager
    def opened(self, token: str | None) -> Iterator[None]:
        """Let who has this token in inside of the block."""
        if token is None:
            yield
            return
        self._tokens[token] += 1
        try:
            yield
        finally:
            self._tokens -= Counter([token])

    async def serve(self) -> None:
        """Answer until this is cancelled."""
        server = _DoorServer(self, self.listening)
        try:
            await server.serve([])
        finally:
            self.listening.close()
            self._threads.shutdown(wait=False)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        token = _token(scope)
        if token not in self._tokens:
            await _send(send, refused(HTTPStatus.UNAUTHORIZED, "not_authenticated"))
        elif scope["method"] not in _METHODS or not _PATH.fullmatch(scope["path"]) or scope["query_string"]:
            await _send(send, refused(HTTPStatus.NOT_FOUND, "not_found"))
        elif (body := await whole_body(receive, VALUE_BYTES)) is None:
            await _send(send, refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large"))
        elif self._passing[token] >= OF_A_TOKEN:
            await _send(send, refused(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests"))
        else:
            await _send(send, await self.passed_on(scope, token, body))

    async def passed_on(self, scope: HTTPScope, token: str, body: bytes) -> Answer:
        """Return what the function answers to a request that has got through."""
        self._passing[token] += 1
        loop = asyncio.get_running_loop()
        try:
            url = f"{self._address}{scope['path']}"
            return await loop.run_in_executor(self._threads, _ask, scope["method"], url, token, body)
        except OSError:
            return refused(HTTPStatus.SERVICE_UNAVAILABLE, "memory_unavailable")
        finally:
            self._passing -= Counter([token])


def _ask(method: str, url: str, token: str, body: bytes) -> Answer:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    if body:
        headers["Content-Type"] = "application/json"
    with http_client.exchange(method, url, seconds=SECONDS, body=body or None, headers=headers) as response:
        answer = response.read(2 * VALUE_BYTES)
        return response.status, response.headers.get("Content-Type", "application/json"), answer


def _token(scope: HTTPScope) -> str:
    """Return the token that a request comes with; nothing for one without."""
    told = dict(scope["headers"]).get(b"authorization", b"")
    return told.removeprefix(_SCHEME).decode("latin-1") if told.startswith(_SCHEME) else ""


def refused(status: HTTPStatus, code: str) -> Answer:
    """Return the answer to a request that isn't passed on."""
    return status, "application/problem+json", json.dumps({"code": code, "status": status}).encode()


async def _send(send: ASGISendCallable, answer: Answer) -> None:
    status, content_type, body = answer
    headers = [(b"content-type", content_type.encode("latin-1")), (b"content-length", b"%d" % len(body))]
    if status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        headers, body = [], b""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _problem(code: str, _detail: str | None) -> tuple[int, Headers, bytes]:
    """Return what is answered to a request that can't be read."""
    status, content_type, body = refused(HTTPStatus.BAD_REQUEST, code)
    return status, [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))], body


class _DoorServer(Server):
    """The server, which takes so many connections at a time and leaves others waiting."""

    def __init__(self, door: MemoryDoor, listening: socket.socket) -> None:
        self._room = asyncio.Semaphore(CONNECTIONS)
        counted = type("Counted", (_Counted,), {"room": self._room})
        super().__init__(door, _problem, LIMITS, connection=counted)
        self._listening = listening
        self._accepting: asyncio.Task[None] | None = None

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the host's own server."""
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
        await super().shutdown(sockets)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._room.acquire()
            connection, _ = await loop.sock_accept(self._listening)
            await loop.connect_accepted_socket(self.protocol, connection)


class _Counted(Connection):
    """A connection that makes room for another at its end."""

    room: ClassVar[asyncio.Semaphore]

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.room.release()
