"""Clients that are slow, leave, or never end: each has its time, and none has a thread."""

import gc
import socket
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from functions.runtime.http.protocol import Limits
from functions.runtime.http.tests.serving import END, TIMEOUT, Inside, received, serving

SHORT = Limits(idle=0.2, body=0.2, response=0.2)
GET = b"GET / HTTP/1.1\r\nHost: x" + END


class Streaming:
    """`/stream` answers a part each time that `goes_on` is set, `/endless` for ever, and all else at once."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.goes_on = threading.Event()
        self.closed = threading.Event()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.calls.append(path)
        bodies: dict[str, Iterable[bytes]] = {
            "/stream": self._stream(),
            "/endless": self._endless(),
            "/long": [b"x" * 4_000_000],
        }
        start_response("200 OK", [] if path in bodies else [("Content-Length", "4")])
        return bodies.get(path, [b"done"])

    def _stream(self) -> Iterator[bytes]:
        for part in (b"one", b"two"):
            yield part
            assert self.goes_on.wait(TIMEOUT)

    def _endless(self) -> Iterator[bytes]:
        try:
            yield from repeat(b"x" * 65536)
        finally:
            self.closed.set()


@pytest.fixture
def application() -> Streaming:
    return Streaming()


@pytest.fixture
def server(application: Streaming) -> Iterator[Inside]:
    with serving(application) as server:
        yield server


@pytest.fixture
def short(application: Streaming) -> Iterator[Inside]:
    with serving(application, limits=SHORT) as server:
        yield server


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


@pytest.mark.parametrize(
    "begin", [b"", b"GET / HTTP/1.1\r\nHo", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4" + END]
)
def test_a_client_that_stops_before_its_request_is_whole_is_cut(
    short: Inside, application: Streaming, begin: bytes
) -> None:
    with short.connected() as client:
        client.sendall(begin)
        assert received(client) == b""
    assert application.calls == []


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"", b"\r\n"),
        (b"GET / HTTP/1.1\r\nX: ", b"x"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000" + END, b"x"),
        (GET, b"\r\n"),
        (GET, b"G"),
    ],
)
def test_sending_a_little_now_and_then_prolongs_nothing(short: Inside, begin: bytes, drop: bytes) -> None:
    def drip(client: socket.socket) -> None:
        for _ in range(TIMEOUT * 20):
            client.sendall(drop)
            time.sleep(0.05)

    with short.connected() as client:
        client.sendall(begin)
        with pytest.raises(ConnectionError):
            drip(client)


def test_a_body_behind_a_long_response_has_its_time_too(short: Inside, application: Streaming) -> None:
    with short.connected() as client:
        client.sendall(
            b"GET /long HTTP/1.1\r\nHost: x" + END + b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4" + END
        )
        assert received(client).count(b"HTTP/1.1 ") == 1
    assert application.calls == ["/long"]


def test_a_connection_on_which_nothing_more_is_asked_ends(short: Inside) -> None:
    with short.connected() as client:
        client.sendall(GET)
        assert received(client).endswith(b"done")


@pytest.mark.parametrize("path", [b"/stream", b"/endless"])
def test_a_client_that_does_not_read_is_cut(short: Inside, application: Streaming, path: bytes) -> None:
    application.goes_on.set()
    with short.connected() as client:
        client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x" + END)
        until(lambda: application.calls != [] and not short.server_state.connections)


def test_a_stream_is_sent_part_by_part(server: Inside, application: Streaming) -> None:
    with server.connected() as client:
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close" + END)
        assert client.recv(1024).endswith(b"3\r\none\r\n")
        application.goes_on.set()
        assert received(client) == b"3\r\ntwo\r\n0\r\n\r\n"


def test_who_reads_a_stream_slowly_holds_up_nobody(server: Inside) -> None:
    with server.connected() as slow:
        slow.sendall(b"GET /endless HTTP/1.1\r\nHost: x" + END)
        assert slow.recv(1024)
        assert [server.asked(GET)[-4:] for _ in range(3)] == [b"done"] * 3


def test_a_stream_ends_when_its_client_has_gone(server: Inside, application: Streaming) -> None:
    with server.connected() as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: x" + END)
        assert client.recv(1024)
    assert application.closed.wait(TIMEOUT)


def test_a_connection_that_was_reset_leaves_nothing_behind(server: Inside) -> None:
    with server.connected() as client:
        client.sendall(GET)
        assert client.recv(1024)
        [connection] = map(weakref.ref, server.server_state.connections)
        # Closed without lingering, it is reset.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def gone() -> bool:
        gc.collect()
        return connection() is None

    until(gone)


def test_connections_send_without_delay(server: Inside) -> None:
    with server.connected():
        until(lambda: bool(server.server_state.connections))
        [connection] = server.server_state.connections
        assert connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
