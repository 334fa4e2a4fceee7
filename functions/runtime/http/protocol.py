"""HTTP/1.1 by uvicorn and llhttp, with what uvicorn leaves to whoever stands in front of it.

Limits of a request's head, time limits for clients that are slow, and no request that another server could take for
something else. What can't be read is answered in its turn, and its connection ends.
"""

import asyncio
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Final

from httptools import HttpParserCallbackError, HttpParserInvalidMethodError
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from .adapter import STOPPED, Headers

URL_BYTES: Final = 8190
"""Enough for a long search in a script whose characters take nine each, percent-encoded."""

HEAD_BYTES: Final = 64 * 1024
"""Far more than the proxy in front lets through."""

HEADERS: Final = 100

_LINGER_SECONDS: Final = 1
"""How long a connection stays open after the response to a client that still sends, and reads only afterwards."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True)
class Limits:
    """Times, in seconds."""

    idle: float = 75
    """How long a client may take until the whole head of its next request is there."""
    body: float = 30
    """How long the whole of a body may be on its way."""
    response: float = 30
    """How long a client may take to read what it was answered."""
    late: float = 2
    """How long an idle connection stays open after SIGTERM: a request may be on its way."""
    grace: float = 25
    """How long requests in flight may take after SIGTERM."""


class RequestError(Exception):
    """A request that can't be read."""

    def __init__(self, code: str, detail: str | None = None) -> None:
        """`code` and `detail` are those of the problem that it is answered with."""
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class Connection(HttpToolsProtocol, ABC):
    """A client's connection."""

    limits: ClassVar[Limits] = Limits()

    deadline = inf
    """When the connection is cut, by the event loop's clock."""
    _error: RequestError | None = None
    """The fault to answer once all requests that came before it are answered; None without one."""
    _running: RequestResponseCycle | None = None
    """The request that is being answered. The last that has arrived is `cycle`; `pipeline` has those in between."""
    _received = 0
    """Bytes of the head that is arriving."""
    _in_head = True
    _is_last = False
    """Whether the connection ends with the next request."""
    _ended = False
    """Whether what still comes is thrown away, because the response to a fault has been sent."""

    @staticmethod
    @abstractmethod
    def problem(code: str, detail: str | None) -> tuple[int, Headers, bytes]:
        """Make the response to a request that can't be read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own
        """Wait for a request."""
        super().connection_made(transport)
        self._stopped = asyncio.Event()
        self._wait(self.limits.idle)

    def _wait(self, seconds: float) -> None:
        self.deadline = self.loop.time() + seconds

    def enforce(self, now: float) -> None:
        """Cut it when it is too late."""
        if now > self.deadline:
            self.transport.abort()

    def shutdown(self) -> None:
        """Answer what is under way, or one more request if it comes soon, and end."""
        self._is_last = True
        if self._running is not None:
            self.cycle.keep_alive = False
        else:
            self.deadline = min(self.deadline, self.loop.time() + self.limits.late)

    def data_received(self, data: bytes) -> None:
        """Read."""
        if self._ended or self._error is not None:
            return
        before = self.scope
        super().data_received(data)
        if self._in_head and self.scope is before and self._error is None:
            self._received += len(data)
            if self._received > HEAD_BYTES:
                self._refuse(RequestError("headers_too_large"))

    def send_400_response(self, msg: str) -> None:
        """Answer what can't be parsed with a problem: uvicorn calls it while it handles the parser's error."""
        error = sys.exception()
        reason = error.__context__ if isinstance(error, HttpParserCallbackError) else error
        if not isinstance(reason, RequestError):
            unknown = isinstance(reason, HttpParserInvalidMethodError)
            reason = RequestError("unknown_method") if unknown else RequestError("malformed", f"{msg} {error}")
        self._refuse(reason)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's returns None, which is to close at once
        """Return True while a response is due, which keeps the connection open: the client only stopped sending."""
        if self._running is None or self._ended:
            return False
        if self.cycle.more_body:
            self._refuse(RequestError("malformed", "The body ended before it was complete."))
        elif self._error is None:
            self.cycle.keep_alive = False
        self._stopped.set()
        return True

    def on_message_begin(self) -> None:
        """Begin to count the head's bytes: llhttp calls it when a request begins."""
        super().on_message_begin()
        self._in_head, self._received = True, 0

    def on_url(self, url: bytes) -> None:
        """Raise RequestError if the address is too long: llhttp calls it with each part."""
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            raise RequestError("uri_too_long")

    def on_headers_complete(self) -> None:
        """Check the head and start to answer: llhttp calls it when all headers are there. Raises RequestError."""
        self._in_head = False
        self._check_head()
        super().on_headers_complete()
        upgrade = self.parser.should_upgrade()
        if upgrade and self._should_upgrade():
            return
        self.cycle.transport = _Output(self, self.cycle)
        self.cycle.scope["extensions"] = {STOPPED: {"event": self._stopped}}
        # Nothing else is offered to change to: it is answered as it stands, and nothing after it understood.
        self.cycle.keep_alive = self.cycle.keep_alive and not upgrade and not self._is_last
        # What is called a header behind the body isn't the request's.
        self.headers = []

    def _check_head(self) -> None:
        version, names = self.parser.get_http_version(), [name for name, _ in self.headers]
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if version not in {"1.0", "1.1"}:
            raise RequestError("http_version_unsupported")
        if len(names) > HEADERS or sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            raise RequestError("headers_too_large")
        if any(coding != b"chunked" for coding in codings):
            raise RequestError("unknown_transfer_coding")
        if codings and version == "1.0":
            # Whoever stands in front may have taken the body for something else.
            raise RequestError("malformed", "HTTP/1.0 has no Transfer-Encoding.")
        if version == "1.1" and names.count(b"host") != 1:
            raise RequestError("malformed", "A request has one Host header.")
        if self.parser.should_upgrade() and (codings or b"content-length" in names):
            # llhttp takes the body for what comes after the upgrade.
            raise RequestError("malformed", "There is nothing to upgrade to: leave that away.")

    def on_message_complete(self) -> None:
        """Stop the clock of the body: llhttp calls it when a request is there, its body included."""
        super().on_message_complete()
        if self._running is self.cycle:
            self.deadline = inf

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        if cycle.more_body:
            self._wait(self.limits.body)
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on to the next request. uvicorn's own would start a timer for each, and forget to stop some."""
        self._running = None
        if self._ended or self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._error is not None:
            self._refuse(self._error)
        else:
            self._wait(self.limits.response if self.transport.get_write_buffer_size() else self.limits.idle)

    def pause_writing(self) -> None:
        """Give the client time to read: asyncio calls it when too much waits to be written."""
        super().pause_writing()
        self._wait(self.limits.response)

    def resume_writing(self) -> None:
        """Start the clock that counts once the client has read: asyncio calls it then."""
        super().resume_writing()
        if self._running is None and not self._ended:
            self._wait(self.limits.idle)
        elif self._running is not None and not self._running.more_body:
            self.deadline = inf

    def _refuse(self, error: RequestError) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and cycle.more_body and not cycle.response_started:
            # It never gets complete.
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle is self._running:
                self._running = None
            else:
                self.pipeline.popleft()
        self._error = error
        if self._running is None:
            status, headers, body = self.problem(error.code, error.detail)
            lines = [b"%b: %b\r\n" % header for header in (*self.server_state.default_headers, *headers)]
            self.transport.write(b"".join([STATUS_LINE[status], *lines, b"connection: close\r\n\r\n", body]))
            self.end()

    def end(self) -> None:
        """Close the connection, later if the client still sends.

        A socket that is closed with bytes unread sends a reset, upon which the client's system may throw away the
        response before the client has read it. So only the writing side is closed at first, and what comes is read
        and dropped, until the client closes too or its time is over.
        """
        if self._error is None and not self.cycle.more_body:
            self.transport.close()
        elif not self._ended:
            self._ended = True
            self._wait(self.limits.response if self.transport.get_write_buffer_size() else _LINGER_SECONDS)
            self.transport.write_eof()
            self.flow.resume_reading()


class _Output(asyncio.Transport):
    """The transport that a response is written to: its head is sent together with the first of its body."""

    def __init__(self, connection: Connection, cycle: RequestResponseCycle) -> None:
        super().__init__()
        self._connection = connection
        self._transport = connection.transport
        self._joins = cycle.scope["method"] != "HEAD"
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:  # type: ignore[override]  # nothing else is written
        if self._joins and data != _CONTINUE:
            self._head, self._joins = data, False
        elif self._head is not None:
            self._transport.write(self._head + data)
            self._head = None
        else:
            self._transport.write(data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        if self._head is not None:
            self._transport.write(self._head)
        self._connection.end()
