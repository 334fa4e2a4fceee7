"""HTTP requests to other parts, by urllib3.

What urllib3 has no setting for is added here: `seconds` are for the whole exchange, however slowly an answer drips.
Nothing is sent twice, no redirect is followed, no proxy is taken from the environment, and no answer is decompressed.
A target is percent-encoded where it has to be.

Whoever gets no answer gets an OSError: TimeoutError, ConnectionRefusedError and so on. A status is no error.
"""

import http.client
import io
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import urllib3
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import SKIP_HEADER, parse_url

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Body = bytes | Iterable[bytes]
"""What has no length is sent in chunks."""


@dataclass(frozen=True)
class Address:
    """A URL of a server that is reached, or trusted, in a way of its own."""

    url: str
    ca_file: Path | None = None
    """Certificates of the authorities to trust, instead of the machine's."""
    unix_socket: Path | None = None
    """Where the server listens; the URL's host is only told to it."""
    allows: Callable[[str], bool] | None = None
    """Says of an IP address that the URL's host has whether to connect there; None stands for any."""


class AddressRefusedError(OSError):
    """The server has no address to which a connection is allowed."""


@dataclass(frozen=True)
class Response:
    """A response, read to its end."""

    status: int
    headers: urllib3.HTTPHeaderDict
    """By name, in whatever case."""
    body: bytes


def is_ok(url: str, *, seconds: float) -> bool:
    """Return True if a GET is answered with 200."""
    try:
        with exchange("GET", url, seconds=seconds) as response:
            return response.status == HTTPStatus.OK
    except OSError:
        return False


def request(
    method: str,
    url: str | Address,
    *,
    seconds: float,
    body: Body | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Send a request over a connection of its own and return the response, or raise OSError."""
    with exchange(method, url, seconds=seconds, body=body, headers=headers) as response:
        return Response(response.status, response.headers, response.data)


@contextmanager
def exchange(
    method: str,
    url: str | Address,
    *,
    seconds: float,
    body: Body | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[urllib3.BaseHTTPResponse]:
    """Yield a response whose body is still to be read, by `read(limit)`; raise OSError here and inside of the block."""
    address = Address(url) if isinstance(url, str) else url
    pool = _pool(address, seconds)
    sent = {"User-Agent": SKIP_HEADER, **(headers or {})}
    as_it_is = {"redirect": False, "preload_content": False, "decode_content": False}
    try:
        with (
            closing(pool),
            closing(pool.urlopen(method, parse_url(address.url).request_uri, body, sent, **as_it_is)) as found,
        ):
            yield found
    except exceptions.HTTPError as error:
        raise _reason(error) from error


def _pool(address: Address, seconds: float) -> urllib3.HTTPConnectionPool:
    trusted = {} if address.ca_file is None else {"ca_certs": str(address.ca_file)}
    timeout = urllib3.Timeout(total=seconds)
    pool = urllib3.connection_from_url(address.url, timeout=timeout, retries=False, **trusted)
    if address.unix_socket is not None:
        pool.ConnectionCls = _over(address.unix_socket)
    elif address.allows is not None:
        pool.ConnectionCls = _where(pool.scheme, address.allows)
    else:
        pool.ConnectionCls = _CONNECTIONS[pool.scheme]
    return pool


def _reason(error: exceptions.HTTPError) -> OSError:
    """Return the OSError that caused an error of urllib3's, or an OSError with its text."""
    for each in (error.__cause__, *error.args):
        if isinstance(each, OSError):
            return each
    return (TimeoutError if isinstance(error, exceptions.TimeoutError) else ConnectionError)(str(error))


class _UntilDeadline(io.RawIOBase):
    """What a socket receives until the time is over that the socket had when this was made."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._socket = sock
        self._deadline = time.monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        # urllib3 has given the socket what is left of the time. For the socket itself that is for each read anew.
        self.fp = io.BufferedReader(_UntilDeadline(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


def _over(path: Path) -> type[_Connection]:
    """Return a kind of connection that goes to the Unix socket `path`, whatever host it is for."""

    class Over(_Connection):
        def _new_conn(self) -> socket.socket:
            connected = socket.socket(socket.AF_UNIX)
            try:
                connected.settimeout(self.timeout)
                connected.connect(str(path))
            except OSError as error:
                connected.close()
                raise exceptions.NewConnectionError(self, f"{path}: {error}") from error
            return connected

    return Over


def _where(scheme: str, allows: Callable[[str], bool]) -> type[HTTPConnection]:
    """Return a kind of connection that goes to no other addresses than those that are allowed.

    A host's name is asked for once, and what is connected to is the very address that was allowed: whoever answers
    another at the next question has won nothing.
    """

    def new_conn(self: HTTPConnection) -> socket.socket:
        try:
            return _connected(self.host, self.port, allows, self.timeout or 0)
        except OSError as error:
            raise exceptions.NewConnectionError(self, str(error)) from error

    kind: type[HTTPConnection] = type("Where", (_CONNECTIONS[scheme],), {"_new_conn": new_conn})
    return kind


def _connected(host: str, port: int, allows: Callable[[str], bool], seconds: float) -> socket.socket:
    """Return a connection to one of a host's addresses that are allowed. Raises OSError."""
    deadline = time.monotonic() + seconds
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    places = [str(place[0]) for *_, place in found]
    failed: OSError = AddressRefusedError("no address of it may be connected to")
    for place in filter(allows, places):
        try:
            return socket.create_connection((place, port), timeout=max(deadline - time.monotonic(), _LEAST))
        except OSError as error:
            failed = error
    raise failed


_LEAST: Final = 0.001
"""Seconds: none at all would be without a limit."""

_CONNECTIONS: Final[Mapping[str, type[HTTPConnection]]] = {"http": _Connection, "https": _SecureConnection}
