"""HTTP/1.1 over one connection that is kept: requests go out as they are given, and llhttp reads the answers.

The client of everybody else, `core.http_client`, takes twice the dispatcher's processor time for an event (decision
0030). The whole exchange has one deadline. Of an answer's body no more than a limit is read.
"""

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final, Self

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from core import sockets

MAX_HEAD: Final = 64 * 1024
"""Bytes of an answer's head."""

_INFORMATION: Final = 200
"""Answers below this status come before the answer."""

_FRAMING: Final = (b"content-length", b"transfer-encoding")
"""Headers without either of which a body ends with the connection."""


class ProtocolError(Exception):
    """The other end doesn't speak HTTP, or stopped in the middle of it."""


@dataclass(frozen=True)
class Response:
    """An HTTP answer."""

    status: int
    body: bytes
    """At most as much as was asked for."""
    reusable: bool
    """Whether the connection can take another request."""
    media_type: bytes = b""
    """Content-Type, without its parameters."""


class _Reader:
    """Collects status, headers and body of one answer after the other, as llhttp parses them."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Wait for an answer."""
        self.status = self._head = 0
        self.body = b""
        self.whole = self.reusable = self._headed = False

    def feed(self, received: bytes) -> None:
        """Read on; nothing received is the connection's end. Raise ProtocolError where it can't be an answer."""
        if not received:
            if not self._headed or self._framed:
                raise ProtocolError("the other end closed the connection")
            self.whole = True
            return
        try:
            self._parser.feed_data(received)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.whole:
                raise ProtocolError(f"the answer is not HTTP/1.1: {error}") from error
        self._head += 0 if self._headed else len(received)
        if self._head > MAX_HEAD:
            raise ProtocolError("the head of the answer doesn't end")

    def on_message_begin(self) -> None:
        if self.whole:
            self.reusable = False
            raise ProtocolError("this was not asked for")
        self.media_type = b""
        self._framed = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-type":
            self.media_type = value.partition(b";")[0].strip().lower()
        self._framed = self._framed or name in _FRAMING

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._headed = self.status >= _INFORMATION

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = self._headed
        self.reusable = self._parser.should_keep_alive()


class HttpConnection:
    """A connection to one server. For one thread."""

    def __init__(self, sock: socket.socket) -> None:
        """Use `open`."""
        self._socket = sock
        self._reader = _Reader()
        self._deadline = 0.0
        self._secure = isinstance(sock, ssl.SSLSocket)
        self._waited = False

    @classmethod
    def open(cls, host: str, port: int, *, secure: bool, seconds: float, wait: float) -> Self:
        """Connect within `seconds`, or raise OSError; `wait` is how long an exchange may take, in seconds."""
        sock = socket.create_connection((host, port), seconds)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if secure:
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
            else:
                sockets.limit(sock, wait)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    def exchange(self, request: bytes, *, deadline: float, limit: int) -> Response:
        """Send a request and read its answer; raise TimeoutError after the monotonic `deadline`."""
        self._deadline = deadline
        self._send(request)
        reader = self._reader
        reader.begin()
        while not reader.whole and len(reader.body) < limit:
            reader.feed(self._receive())
        return Response(reader.status, reader.body[:limit], reader.whole and reader.reusable, reader.media_type)

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _send(self, request: bytes) -> None:
        if self._secure:
            self._socket.settimeout(self._left())
        elif self._socket.gettimeout() is not None:
            self._socket.settimeout(None)
        self._waited = False
        try:
            self._socket.sendall(request)
        except BlockingIOError:
            raise TimeoutError from None

    def _receive(self) -> bytes:
        # The kernel keeps the time of the first read, which brings the whole answer as a rule.
        if self._secure or self._waited:
            self._socket.settimeout(self._left())
        self._waited = True
        try:
            return self._socket.recv(65536)
        except BlockingIOError:
            raise TimeoutError from None

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
