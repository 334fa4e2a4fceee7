"""The HTTP client, against servers that answer in every way there is."""

import gzip
from collections.abc import Callable, Iterator

import pytest

from core import http_client
from testing.canned import Server

Serve = Callable[..., Server]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-A: 1\r\nX-A: 2\r\n\r\nwell"


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Server] = []

    def start(answer: bytes, pause: float | None = None) -> Server:
        made.append(Server([[answer]], pause))
        return made[-1]

    yield start
    for server in made:
        server.close()


def url(server: Server, path: str = "/a%2Fb?c=d") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def test_a_request_goes_out_as_it_is(serve: Serve) -> None:
    server = serve(OK)
    response = http_client.request("PUT", url(server), seconds=5, body=b"abc", headers={"X-B": "3"})
    assert (response.status, response.body, response.headers.getlist("x-a")) == (200, b"well", ["1", "2"])
    head = server.requests[0].partition(b"\r\n\r\n")[0]
    assert head.split(b"\r\n")[0] == b"PUT /a%2Fb?c=d HTTP/1.1"
    assert sorted(head.split(b"\r\n")[1:]) == [
        b"Accept-Encoding: identity",
        b"Content-Length: 3",
        f"Host: 127.0.0.1:{server.port}".encode(),
        b"X-B: 3",
    ]


@pytest.mark.parametrize("answer", [OK, b"HTTP/1.1 200 OK\r\n\r\n" + b"well" * 10])
def test_an_answer_that_drips_has_no_more_time_than_one_that_hangs(serve: Serve, answer: bytes) -> None:
    with pytest.raises(TimeoutError, match="timed out"):
        http_client.request("GET", url(serve(answer, 0.05)), seconds=0.3)


def test_a_limit_bounds_what_is_read(serve: Serve) -> None:
    endless = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 20)
    with http_client.exchange("GET", url(endless), seconds=5) as response:
        assert response.read(10) == b"x" * 10


def test_a_redirect_is_an_answer_like_any_other(serve: Serve) -> None:
    other = serve(OK)
    head = f"HTTP/1.1 302 Found\r\nLocation: {url(other)}\r\nContent-Length: 0\r\n\r\n"
    assert http_client.request("GET", url(serve(head.encode())), seconds=5).status == 302
    assert other.requests == []


def test_the_environment_names_no_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert http_client.is_ok(url(serve(OK)), seconds=5)


def test_nothing_is_decompressed(serve: Serve) -> None:
    packed = gzip.compress(b"x" * 1000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    assert http_client.request("GET", url(serve(head.encode() + packed)), seconds=5).body == packed


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", OK[:-1]])
def test_what_is_no_answer_is_an_error_of_the_connection(serve: Serve, answer: bytes) -> None:
    with pytest.raises(ConnectionError):
        http_client.request("GET", url(serve(answer)), seconds=5)


def test_nobody_there_is_refused_as_the_system_says() -> None:
    with pytest.raises(ConnectionRefusedError, match=r"^\[Errno 111\] Connection refused$"):
        http_client.request("GET", "http://127.0.0.1:1/", seconds=5)
    assert not http_client.is_ok("http://127.0.0.1:1/", seconds=5)
    with pytest.raises(OSError, match=r"not known|resolution"):
        http_client.request("GET", "http://nowhere.invalid/", seconds=5)
