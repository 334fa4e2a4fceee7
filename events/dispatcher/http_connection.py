"""HTTP/1.1 over one connection that is kept: no more than the dispatcher needs, at a fifth of the library's cost.

The whole exchange has one deadline. Of an answer's body no more than a limit is read.
"""

import contextlib
import re
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final, Self

from core import sockets

MAX_HEAD: Final = 64 * 1024
"""Bytes of an answer's head."""

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: |$)")

_INFORMATION: Final = 200
"""Answers below this status come before the answer."""

_NO_BODY: Final = (204, 304)


class ProtocolError(Exception):
    """The other end doesn't speak HTTP, or stopped in the middle of it."""


@dataclass(frozen=True)
class Response:
    """An answer."""

    status: int
    body: bytes
    """At most as much as was asked for."""
    reusable: bool
    """Whether the connection can take another request."""
    media_type: bytes = b""
    """Content-Type, without its parameters."""


class HttpConnection:
    """A connection to one server. For one thread."""

    def __init__(self, sock: socket.socket) -> None:
        """Use `open`."""
        self._socket = sock
        self._buffer = b""
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
        status, headers = self._head()
        while status < _INFORMATION:
            status, headers = self._head()
        reusable = headers.get(b"connection", b"").lower() != b"close"
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if status in _NO_BODY:
            return Response(status, b"", reusable, media_type)
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            body, whole = self._chunks(limit)
        elif b"content-length" in headers:
            body, whole = self._sized(headers[b"content-length"], limit)
        else:
            body, whole = self._rest(limit), False
        return Response(status, body, reusable and whole and not self._buffer, media_type)

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

    def _head(self) -> tuple[int, dict[bytes, bytes]]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise ProtocolError("the head of the answer doesn't end")
            self._receive()
        lines = self._buffer[:end].split(b"\r\n")
        self._buffer = self._buffer[end + 4 :]
        match = _STATUS.match(lines[0])
        if match is None:
            raise ProtocolError("the answer is not HTTP/1.1")
        pairs = (line.partition(b":") for line in lines[1:])
        return int(match[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}

    def _sized(self, length: bytes, limit: int) -> tuple[bytes, bool]:
        if not length.isdigit():
            raise ProtocolError("Content-Length is not a number")
        size = int(length)
        return self._take(min(size, limit)), size <= limit

    def _chunks(self, limit: int) -> tuple[bytes, bool]:
        body = b""
        while True:
            try:
                size = int(self._line().partition(b";")[0], 16)
            except ValueError:
                raise ProtocolError("a chunk has no size") from None
            if size < 0 or len(body) + size > limit:
                return body, False
            if size == 0:
                while self._line():
                    pass
                return body, True
            body += self._take(size)
            self._take(2)

    def _rest(self, limit: int) -> bytes:
        with contextlib.suppress(ProtocolError):
            while len(self._buffer) < limit:
                self._receive()
        return self._buffer[:limit]

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise ProtocolError("a line of the answer doesn't end")
            self._receive()
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _receive(self) -> None:
        # The kernel keeps the time of the first read, which brings the whole answer as a rule.
        if self._secure or self._waited:
            self._socket.settimeout(self._left())
        self._waited = True
        try:
            received = self._socket.recv(65536)
        except BlockingIOError:
            raise TimeoutError from None
        if not received:
            raise ProtocolError("the other end closed the connection")
        self._buffer += received

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
