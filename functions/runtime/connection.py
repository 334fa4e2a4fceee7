"""One client: llhttp parses what it sends, and each of its requests is answered by a WSGI application, in their order.

A request is answered as soon as it is there, with its body. While something is missing, or the client doesn't take its
answer, nobody waits: the server comes back when there is more, or room for more.
"""

import io
import json
import logging
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from httptools.parser.errors import HttpParserInvalidMethodError

from core import context
from functions.domain.refusals import Malformed, Refusal
from functions.runtime import problems
from functions.runtime.transport import (
    HeadersTooLarge,
    HttpVersionUnsupported,
    Internal,
    UnknownMethod,
    UnknownTransferCoding,
    UriTooLong,
)
from functions.runtime.wsgi import Address, Answer, Application, Request, parted, run

log = logging.getLogger(__name__)

KEEP_SECONDS: Final = 75
"""How long a connection stays open on which nothing is asked, or whose next request doesn't get complete."""

URL_BYTES: Final = 8190
"""A search in a script that needs nine characters for each of its own is long."""

HEAD_BYTES: Final = 64 * 1024
"""Far more than whoever stands in front lets through."""

HEADERS: Final = 100

BODY_BYTES: Final = 4 * 1024 * 1024
"""More than any function takes: of a longer body no more is gathered, and the function refuses it."""

BODY_SECONDS: Final = 30
"""How long the whole of a body may be on its way."""

ANSWER_SECONDS: Final = 30
"""How long a client may take to read the whole of an answer."""

_VERSIONS: Final = ("1.0", "1.1")

_CHUNK: Final = 64 * 1024

_LINGER_SECONDS: Final = 1
"""How long a client that is still sending is listened to after its answer: it reads the answer when it has sent all."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


_HEAD_TOO_LARGE: Final = f"The headers are more than {HEADERS}, or larger than {HEAD_BYTES:,} bytes."

_BROKE_OFF: Final = "The body ended before it was complete."


class Connection:
    """A client's connection. One thread at a time has to do with it."""

    def __init__(self, client: socket.socket, address: Address, server: Address) -> None:
        """`client` blocks, for as long as its SO_RCVTIMEO and SO_SNDTIMEO allow."""
        self.socket = client
        self.address = address
        self.server = server
        self.deadline = time.monotonic() + KEEP_SECONDS
        """When it is closed unless something is asked."""
        self._parser = HttpRequestParser(self)
        self._requests: deque[Request] = deque()
        self._arriving = Request()
        self._fault: Refusal | None = None
        self._unsent = bytearray()
        self._ends = False

    @property
    def unsent(self) -> bool:
        """Whether the client hasn't taken all of its answer yet."""
        return bool(self._unsent)

    @property
    def under_way(self) -> bool:
        """Whether a body or an answer is on its way."""
        return self.unsent or bool(self._arriving.method and not self._arriving.complete)

    @property
    def unread(self) -> bytes:
        """The beginning of what has arrived and wasn't read."""
        try:
            return self.socket.recv(24, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return b""

    def answer(self, application: Application, lasting: Callable[[], bool]) -> bool:
        """Read what has arrived and answer it, or send what is `unsent`; tell whether the connection stays open.

        `lasting` tells whether connections may stay open at all.
        """
        try:
            if self._unsent:
                self._send(b"")
            elif not self._read():
                return False
            while self._requests and not self._unsent and not self._ends:
                self.deadline = time.monotonic() + KEEP_SECONDS
                self._ends = not self._answer(self._requests.popleft(), application, lasting)
            if self._fault is not None and not self._requests and not self._ends:
                self._ends = True
                self._refuse(self._fault)
        except OSError as error:
            log.debug("a client has gone: %s", error)
            return False
        return bool(self._unsent) or not self._ends

    def _send(self, data: bytes) -> None:
        if not self._unsent:
            self.deadline = max(self.deadline, time.monotonic() + ANSWER_SECONDS)
        self._unsent += data
        with suppress(BlockingIOError):
            del self._unsent[: self.socket.send(self._unsent, socket.MSG_DONTWAIT)]

    def close(self) -> None:
        """End the connection; a client that is still sending gets its answer all the same."""
        with suppress(OSError):
            if self._fault is not None or self.under_way or self.unread:
                self._linger()
        with suppress(OSError):
            self.socket.close()

    def _linger(self) -> None:
        # Closing on bytes that nobody has read makes the other side forget what it has received.
        self.socket.shutdown(socket.SHUT_WR)
        self.socket.settimeout(_LINGER_SECONDS)
        end = time.monotonic() + _LINGER_SECONDS
        while time.monotonic() < end and self.socket.recv(_CHUNK):
            pass

    def _read(self) -> bool:
        data, before = self.socket.recv(_CHUNK), self._arriving
        if not data:
            if self.under_way:
                self._refuse(Malformed(_BROKE_OFF))
            return False
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            # Nothing is offered to change to: the request is answered as it stands, and nothing after it understood.
            self._arriving.keep = False
        except HttpParserError as error:
            self._fault = _fault(error)
        if self._arriving is before and not before.method and self._fault is None:
            before.taken += len(data)
            if before.taken > HEAD_BYTES:
                self._fault = HeadersTooLarge(_HEAD_TOO_LARGE)
        return True

    def on_message_begin(self) -> None:
        """Take in that a request begins: llhttp's."""
        self._arriving = Request()

    def on_url(self, part: bytes) -> None:
        """Take in a part of the address: llhttp's."""
        self._arriving.url += part
        if len(self._arriving.url) > URL_BYTES:
            raise UriTooLong(f"The address is longer than {URL_BYTES:,} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a header: llhttp's."""
        request = self._arriving
        if request.method:
            # Behind the body, where nobody looks for any.
            return
        request.headers.append((name, value))
        request.taken += len(name) + len(value)
        if len(request.headers) > HEADERS or request.taken > HEAD_BYTES:
            raise HeadersTooLarge(_HEAD_TOO_LARGE)
        match name.lower():
            case b"host":
                request.hosts += 1
            case b"expect":
                request.expects = value.lower() == b"100-continue"
            case b"content-length":
                request.sized, request.length = True, int(value)
            case b"transfer-encoding":
                request.sized = request.chunked = True
                if value.lower() != b"chunked":
                    raise UnknownTransferCoding

    def on_headers_complete(self) -> None:
        """Take in that a request can be answered: llhttp's."""
        request, parser = self._arriving, self._parser
        request.version = parser.get_http_version()
        request.keep = parser.should_keep_alive()
        if request.version not in _VERSIONS:
            raise HttpVersionUnsupported
        if request.chunked and request.version != "1.1":
            # Whoever stands in front may have taken the body for something else.
            raise Malformed("HTTP/1.0 has no Transfer-Encoding.")
        if request.hosts != 1 and request.version == "1.1":
            raise Malformed("A request has one Host header.")
        if request.sized and parser.should_upgrade():
            # llhttp takes the body for what comes after the upgrade.
            raise Malformed("There is nothing to upgrade to: leave that away.")
        try:
            request.path, request.query = parted(request.url)
        except ValueError:
            raise Malformed("The address can't be understood.") from None
        request.method = parser.get_method().decode()
        self.deadline = time.monotonic() + BODY_SECONDS
        if request.length > BODY_BYTES:
            self._hand_over(request)
        elif request.expects and request.sized:
            request.expects = False
            self._send(_CONTINUE)

    def _hand_over(self, request: Request) -> None:
        if not request.handed_over:
            request.handed_over = True
            self._requests.append(request)

    def on_body(self, part: bytes) -> None:
        """Take in a part of the body: llhttp's."""
        self._arriving.body += part
        if len(self._arriving.body) > BODY_BYTES:
            self._hand_over(self._arriving)

    def on_message_complete(self) -> None:
        """Take in that a request is there: llhttp's."""
        self._arriving.complete = True
        self._hand_over(self._arriving)

    def _answer(self, request: Request, application: Application, lasting: Callable[[], bool]) -> bool:
        body = io.BytesIO(request.body) if request.complete else io.BufferedReader(_Body(self, request), _CHUNK)
        answer = Answer(request, self._send, lambda: request.keep and request.complete and lasting())
        try:
            run(application, request.environ(self.address, self.server, body), answer)
        except Exception as error:
            broke_off = isinstance(error, ConnectionError)
            if not broke_off:
                log.exception("an answer broke off" if answer.began else "a request was not answered")
            if not answer.began:
                self._refuse(self._fault or (Malformed(_BROKE_OFF) if broke_off else Internal()))
            return False
        return answer.keep

    def _refuse(self, error: Refusal) -> None:
        status = HTTPStatus(problems.status_of(type(error)))
        with context.entered(context.Context.start()):
            body = json.dumps(problems.problem(status, error.code, error.detail)).encode()
        answer = Answer(Request(), self._send, lambda: False)
        headers = [("Content-Type", problems.CONTENT_TYPE), ("Content-Length", str(len(body)))]
        answer.start(f"{status.value} {status.phrase}", headers)
        answer.write(body)

    def more_of(self, request: Request) -> bytes:
        """Return what comes next of a request's body, waiting for it; nothing at its end.

        Raises ConnectionError when the client breaks it off.
        """
        if request.expects and not request.body and not request.complete:
            request.expects = False
            self._send(_CONTINUE)
        while not request.body and not request.complete:
            if self._fault is not None or not self._read():
                raise ConnectionResetError("the request broke off in its body")
        part, request.body = bytes(request.body), bytearray()
        return part


class _Body(io.RawIOBase):
    """The body of a request that is still arriving."""

    def __init__(self, connection: Connection, request: Request) -> None:
        self.connection = connection
        self.request = request

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer of any kind
        part = self.connection.more_of(self.request)
        place = memoryview(buffer)[: len(part)]
        place[:] = part[: len(place)]
        self.request.body[:0] = part[len(place) :]
        return len(place)


def _fault(error: HttpParserError) -> Refusal:
    if isinstance(error.__context__, Refusal):
        return error.__context__
    if isinstance(error, HttpParserInvalidMethodError):
        return UnknownMethod()
    return Malformed(f"This is not HTTP/1.1: {error}.")
