"""A WSGI application as an ASGI one, in a bounded pool of threads.

A thread is taken only while the application computes: once a request's body is there, and anew for each part of a
streamed response. So clients that are slow to send or to read keep none. Probes are answered on the event loop, which
never waits for a thread. Nothing of the platform is imported here, because the processes of agents use it too.
"""

import asyncio
import io
import logging
import re
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import copy_context
from functools import lru_cache, partial
from math import inf
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from .resting import REST

log = logging.getLogger(__name__)

STOPPED: Final = "botberi.stopped_sending"
"""Among a scope's extensions, the `event` that is set once the client has stopped sending."""

BODY_BYTES: Final = 4 * 1024 * 1024
"""More than any function takes. Of a longer body no more is read, and the function refuses it."""

_PROBE: Final = re.compile(r"/_/(health|ready)")

_BODILESS: Final = {204, 304}

_CLOSED: Final = "The client stopped sending before the answer was known: keep the connection open both ways."

Headers = list[tuple[bytes, bytes]]

Part = tuple[bytes, bool]
"""A part of a response's body, and whether more follow."""

Problem = Callable[[str, str | None], tuple[int, Headers, bytes]]
"""Makes the response to a request that can't be answered, of a code and a detail: status, headers and body."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class Adapter:
    """The ASGI application."""

    def __init__(
        self, application: WSGIApplication, threads: int, problem: Problem, *, keeps_thread: bool = False
    ) -> None:
        """Call `application` in so many threads; `problem` makes the response where it raises.

        With `keeps_thread` a streamed response has one thread from its first part to its last.
        """
        self._keeps_thread = keeps_thread
        self._application = application
        self._problem = problem
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.grow(threads)

    def grow(self, threads: int) -> None:
        """Call the application in so many more threads."""
        for _ in range(threads):
            # Daemons, because the interpreter would wait for one that is stuck.
            Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            self._tasks.get()()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        scope = http_alone(scope)
        environ = environ_of(scope)
        body, whole = await _read(environ, receive)
        if body is None:
            return
        environ["wsgi.input"] = io.BytesIO(body)
        call = _Call(self._application, environ)
        if environ["SERVER_PROTOCOL"] != "HTTP/1.0":
            # There a response is whole before it begins: who makes it waits in its thread.
            environ[REST] = call
        try:
            await self._answer(call, whole=whole, scope=scope, receive=receive, send=send)
        finally:
            call.leave_thread()

    async def _answer(
        self, call: "_Call", *, whole: bool, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        probe = scope["method"] in {"GET", "HEAD"} and _PROBE.fullmatch(scope["path"])
        disconnect: asyncio.Future[None] | None = None
        try:
            part, more = call.advance() if probe else await self._in_thread(call)
            while more and not part:
                disconnect = disconnect or asyncio.ensure_future(_client_closed(scope, receive))
                part, more = await self._after_rest(call, disconnect)
        except Exception:
            log.exception("a request was not answered")
            call.status, call.headers, part = self._problem("internal", None)
            more = False
        if disconnect is not None:
            # From now on who has gone is known by what is sent.
            disconnect.cancel()
            disconnect = None
        if call.abandoned:
            # Who has gone isn't told anything.
            call.status, call.headers, part = self._problem("malformed", _CLOSED)
            more = False
        if not whole:
            # The rest of the body is never read, so nothing behind it is.
            call.headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": call.status, "headers": call.headers})
        await send({"type": "http.response.body", "body": part, "more_body": more})
        while more:
            disconnect = disconnect or asyncio.ensure_future(client_left(receive))
            part, more = await self._after_rest(call, disconnect)
            if part or not more:
                # Waits while the client doesn't read.
                await send({"type": "http.response.body", "body": part, "more_body": more})

    async def _after_rest(self, call: "_Call", disconnect: "asyncio.Future[None]") -> Part:
        """Return the next part, once the call has rested for as long as it wants to or the client has left."""
        if call.resting:
            await call.rest(disconnect)
        call.abandoned = disconnect.done()
        return await self._in_thread(call)

    async def _in_thread(self, call: "_Call") -> Part:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Part] = loop.create_future()

        def work() -> None:
            try:
                part = call.advance()
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                loop.call_soon_threadsafe(future.set_exception, error)
            else:
                loop.call_soon_threadsafe(future.set_result, part)

        if call.thread is not None:
            call.thread.put(work)
        elif self._keeps_thread:
            call.thread = SimpleQueue()
            call.thread.put(work)
            self._tasks.put(partial(_do, call.thread))
        else:
            self._tasks.put(work)
        return await future


def _do(tasks: "SimpleQueue[Callable[[], None] | None]") -> None:
    """Do tasks in this thread as they come, until there is None."""
    while task := tasks.get():
        task()


class _Call:
    """A request while the application answers it, which finds it by REST as the `Rest` of its response."""

    def __init__(self, application: WSGIApplication, environ: WSGIEnvironment) -> None:
        self.status = 0
        self.headers: Headers = []
        self.abandoned = False
        """Whether the client has gone, so that nobody takes the rest of the response."""
        self.resting: float = 0
        """Seconds after which the next part is asked for."""
        self.thread: SimpleQueue[Callable[[], None] | None] | None = None
        """What the thread that it keeps is to do, None to leave it; None where it keeps none."""
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._begun = False
        """Whether the body has begun, so that status and headers stand."""
        self._application = application
        self._environ = environ
        self._context = copy_context()
        self._parts = self._run()
        self._left = inf
        """The bytes of the body that are still to come; infinite where no length was told."""

    def __call__(self, seconds: float) -> None:
        """Have the part after the next one be asked for only so long after that."""
        self.resting = seconds

    def wake(self) -> None:
        """End the rest that is under way, or else the next one."""
        with suppress(RuntimeError):
            # The loop is closed when the server has ended.
            self._loop.call_soon_threadsafe(self._woken.set)

    async def rest(self, disconnect: "asyncio.Future[None]") -> None:
        """Rest for as long as it wants to, unless it is woken or the client leaves before."""
        woken = asyncio.ensure_future(self._woken.wait())
        either: set[asyncio.Future[Any]] = {disconnect, woken}
        await asyncio.wait(either, timeout=self.resting, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        # Before the application looks again: whoever wakes it meanwhile has news that it may not see.
        self._woken.clear()
        self.resting = 0

    def leave_thread(self) -> None:
        """Let the thread that it keeps go, if it keeps one."""
        if self.thread is not None:
            self.thread.put(None)

    def advance(self) -> Part:
        """Return the next part of the response: from the first that isn't empty on, `status` and `headers` are set.

        An empty one that others follow means that the application rests.
        """
        return self._context.run(self._advance)

    def _advance(self) -> Part:
        if self.abandoned:
            self._parts.close()
        part = next(self._parts, None)
        if part == b"":
            return part, True
        part = part or b""
        if self.status in _BODILESS:
            part, self._left = b"", 0
        elif self._left == inf and self._environ["SERVER_PROTOCOL"] == "HTTP/1.0":
            # There are no chunks yet, so its length has to be known.
            part += b"".join(self._parts)
            self.headers.append((b"content-length", str(len(part)).encode()))
        self._left -= len(part)
        if part and self._left > 0:
            return part, True
        for _ in self._parts:
            # It is run to its end, though what is longer than was told is not sent.
            pass
        return part, False

    def _run(self) -> Generator[bytes, None, None]:
        body = self._application(self._environ, self._start)
        try:
            for part in body:
                if part or self.resting:
                    self._begun = self._begun or bool(part)
                    yield part
        finally:
            if hasattr(body, "close"):
                body.close()

    def _start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """Take status and headers (PEP 3333). Raise the exception of `exc_info` when it is too late to take others."""
        if self._begun and exc_info is not None and exc_info[1] is not None:
            raise exc_info[1]
        self.status = int(status[:3])
        self.headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._left = next((int(value) for name, value in headers if name.lower() == "content-length"), inf)
        return _write


def _write(_data: bytes) -> None:
    """Raise NotImplementedError: WSGI (PEP 3333) has `write` for older frameworks, of which none is served here."""
    raise NotImplementedError("the body is what an application returns")


def http_alone(scope: Scope) -> HTTPScope:
    """Return what a request is about, where it is one of HTTP: our servers offer nothing else."""
    if scope["type"] != "http":
        raise TypeError(scope["type"])
    return scope


async def client_left(receive: ASGIReceiveCallable) -> None:
    """Wait until the client has gone. The end of a request comes first, where it has no body that was read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _client_closed(scope: HTTPScope, receive: ASGIReceiveCallable) -> None:
    """Wait until the client has gone, or sends nothing more.

    Who has closed and who only sends nothing more look alike, until something is sent to them.
    """
    stopped = scope.get("extensions", {}).get(STOPPED, {}).get("event")
    waits = [asyncio.ensure_future(client_left(receive))]
    if isinstance(stopped, asyncio.Event):
        waits.append(asyncio.ensure_future(_set(stopped)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def whole_body(receive: ASGIReceiveCallable, limit: int) -> bytes | None:
    """Return a request's body of up to `limit` bytes; None for one that is longer or was broken off."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request" or len(body) + len(message["body"]) > limit:
            return None
        body += message["body"]
        more = message["more_body"]
    return bytes(body)


async def _read(environ: WSGIEnvironment, receive: ASGIReceiveCallable) -> tuple[bytearray | None, bool]:
    """Return a request's body, None where the client broke it off, and whether it is whole."""
    told = int(environ.get("CONTENT_LENGTH") or 0)
    body, more = bytearray(), told > 0 or "HTTP_TRANSFER_ENCODING" in environ
    while more:
        if max(told, len(body)) > BODY_BYTES:
            return body, False
        message = await receive()
        if message["type"] != "http.request":
            return None, False
        body += message["body"]
        more = message["more_body"]
    return body, True


def environ_of(scope: HTTPScope) -> WSGIEnvironment:
    """Return a request as WSGI's environ, without its body."""
    server, client = scope["server"] or ("", 0), scope["client"] or ("", 0)
    path, query = scope["raw_path"], scope["query_string"]
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        # Of bytes that are no UTF-8 the scope's own path would have lost some.
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "RAW_URI": (path + b"?" + query if query else path).decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        # The body ends where its bytes do, whether a length was told or not.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key, text = _key(name), value.decode("latin-1")
        before = environ.get(key)
        environ[key] = text if before is None else f"{before}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
    # What `X_Name` would pass for, `X-Name`, whoever stands in front may have removed.
    environ.pop("", None)
    return environ


@lru_cache(maxsize=256)
def _key(name: bytes) -> str:
    """Return a header's key in an environ, and nothing for one that would pass for another."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
