"""WSGI (PEP 3333) over HTTP/1.1: a request as an environ, and an application's answer as bytes."""

import sys
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

Headers = list[tuple[str, str]]
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

Address = tuple[str, int]
"""Host and port."""

_PLAIN: Final = {"CONTENT_TYPE", "CONTENT_LENGTH"}
"""The headers whose keys in an environ don't begin with HTTP_."""

_EMPTY: Final = ("1", "204", "304")
"""The beginnings of statuses whose answers have no body."""


class Request:
    """One request, as far as it has arrived."""

    __slots__ = (
        "body",
        "chunked",
        "complete",
        "expects",
        "handed_over",
        "headers",
        "hosts",
        "keep",
        "length",
        "method",
        "path",
        "query",
        "sized",
        "taken",
        "url",
        "version",
    )

    def __init__(self) -> None:
        """Begin with nothing."""
        self.url = b""
        self.path = b""
        self.query = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.taken = 0
        """Bytes of the head, roughly."""
        self.hosts = 0
        """How many headers say which host is meant."""
        self.expects = False
        """Whether the client waits to be told that its body is wanted."""
        self.chunked = False
        """Whether the body says itself where it ends."""
        self.sized = False
        """Whether there is a body."""
        self.length = 0
        """Bytes of the body, as far as they were told."""
        self.handed_over = False
        """Whether it is answered, or waits to be."""
        self.method = ""
        """Empty until the head is complete."""
        self.version = ""
        self.keep = False
        """Whether more requests may follow on the connection."""
        self.body = bytearray()
        """What has arrived of the body and was not read."""
        self.complete = False
        """Whether everything has arrived."""

    def environ(self, client: Address, server: Address, body: Any) -> Environ:  # noqa: ANN401 - a file of any kind
        """Return what WSGI says of the request; `body` reads its body."""
        environ: Environ = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": (unquote_to_bytes(self.path) if b"%" in self.path else self.path).decode("latin-1"),
            "QUERY_STRING": self.query.decode("latin-1"),
            "RAW_URI": self.url.decode("latin-1"),
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "SERVER_PROTOCOL": f"HTTP/{self.version}",
            "REMOTE_ADDR": client[0],
            "REMOTE_PORT": str(client[1]),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": body,
            # The body ends where its bytes do, whether a length was told or not.
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers:
            # `X_Name` would pass for `X-Name`, which whoever stands in front may have removed.
            if b"_" not in name:
                _add(environ, name.decode("latin-1").upper().replace("-", "_"), value.decode("latin-1"))
        return environ


def parted(url: bytes) -> tuple[bytes, bytes]:
    """Return the path and the query of an address as a request has it; raise ValueError for what is none."""
    if not url.startswith((b"/", b"*")):
        # The form that is meant for proxies: with scheme and host in front.
        parts = urlsplit(url)
        return parts.path or b"/", parts.query
    path, _, query = url.partition(b"#")[0].partition(b"?")
    return path, query


def _add(environ: Environ, name: str, value: str) -> None:
    key = name if name in _PLAIN else f"HTTP_{name}"
    before = environ.get(key)
    if before is not None:
        value = before + ("; " if name == "COOKIE" else ",") + value
    environ[key] = value


class Answer:
    """One answer on its way out. Its head goes together with what there is of its body."""

    def __init__(self, request: Request, send: Callable[[bytes], None], may_keep: Callable[[], bool]) -> None:
        """`may_keep` tells, when the head goes out, whether the connection may stay open."""
        self.request = request
        self.send = send
        self.may_keep = may_keep
        self.keep = False
        """Whether it does stay open, once the answer has gone out."""
        self.began = False
        self._status = ""
        self._headers: Headers = []
        self._chunked = False
        self._bare = False
        self._left: int | None = None

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:  # noqa: ANN401 - WSGI
        """Take the status and the headers: WSGI's `start_response`."""
        if exc_info is not None and self.began:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._headers = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        """Send a part of the body."""
        head = b"" if self.began else self._head()
        if self._bare:
            data = b""
        if self._left is not None:
            self._left -= len(data)
        if self._chunked and data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if head or data:
            self.send(head + data)

    def end(self) -> None:
        """Send what is left to be sent when the application has said everything."""
        rest = b"" if self.began else self._head()
        if self._chunked:
            rest += b"0\r\n\r\n"
        if rest:
            self.send(rest)
        if self._left:
            # Whoever waits for the rest learns from the end of the connection that there is none.
            self.keep = False

    def _head(self) -> bytes:
        self.began, self.keep = True, self.may_keep()
        lines = [f"HTTP/1.1 {self._status}\r\nDate: {_date(int(time.time()))}\r\n"]
        for name, value in self._headers:
            lines.append(f"{name}: {value}\r\n")
            if name.lower() == "content-length":
                self._left = int(value)
        if self.request.method == "HEAD" or self._status.startswith(_EMPTY):
            self._bare, self._left = True, None
        elif self._left is None:
            self._chunked = self.request.version == "1.1"
            self.keep = self.keep and self._chunked
        if self._chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        if not self.keep:
            lines.append("Connection: close\r\n")
        elif self.request.version != "1.1":
            lines.append("Connection: keep-alive\r\n")
        lines.append("\r\n")
        return "".join(lines).encode("latin-1")


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def run(application: Application, environ: Environ, answer: Answer) -> None:
    """Have the application answer."""
    parts = application(environ, answer.start)
    try:
        for part in parts:
            answer.write(part)
        answer.end()
    finally:
        if hasattr(parts, "close"):
            parts.close()
