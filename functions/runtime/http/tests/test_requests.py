"""Requests as a client may send them: what HTTP/1.1 allows is answered, and the rest refused."""

import itertools
import json
import socket
import time
from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.runtime.http.adapter import BODY_BYTES
from functions.runtime.http.protocol import HEAD_BYTES, HEADERS, URL_BYTES
from functions.runtime.http.tests.serving import END, Inside, received, serving


def tell(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with what was asked."""
    told = {name: value for name, value in environ.items() if isinstance(value, str)}
    body = json.dumps(told | {"body": environ["wsgi.input"].read().decode()}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture(scope="module")
def server() -> Iterator[Inside]:
    with serving(tell) as server:
        yield server


def told(server: Inside, *parts: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(server.asked(*parts).partition(END)[2])
    return found


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost : x" + END,
        b"GET / HTTP/1.1\r\nHost: x\r\n folded" + END,
        b"GET /\xff HTTP/1.1\r\nHost: x" + END,
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b" + END,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3" + END + b"abc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3" + END + b"abc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3" + END,
        b"GET / HTTP/1.1\r\nAccept: x" + END,
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y" + END,
        b"GET http://a[/b HTTP/1.1\r\nHost: x" + END,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked" + END + b"no size\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3" + END + b"abc",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http_is_refused_as_a_problem_and_the_connection_ends(server: Inside, request_: bytes) -> None:
    head, _, body = server.asked(request_).partition(END)

    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
    assert b"connection: close" in head
    assert json.loads(body)["code"] in {"malformed", "unknown_method"}


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * URL_BYTES + b" HTTP/1.1\r\nHost: x" + END, 414),
        (b"GET / HTTP/1.1\r\nHost: x" + b"\r\nX: 1" * HEADERS + END, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * HEAD_BYTES + END, 431),
        (b"FETCH / HTTP/1.1\r\nHost: x" + END, 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked" + END, 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity" + END, 501),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked" + END + b"0\r\n\r\nGET / HTTP/1.1\r\nHost: x" + END, 400),
        (b"GET / HTTP/2.0\r\nHost: x" + END, 505),
        (b"GET / HTTP/0.9" + END, 505),
    ],
)
def test_what_is_too_much_or_unknown_is_refused_with_its_own_status(
    server: Inside, request_: bytes, status: int
) -> None:
    parts = [request_[place : place + 60_000] for place in range(0, len(request_), 60_000)]
    head, _, body = server.asked(*parts).partition(END)

    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    # And nothing behind it is taken for a request.
    assert json.loads(body)["status"] == status


def test_a_head_without_an_end_is_not_collected_for_ever(server: Inside) -> None:
    parts = itertools.chain([b"GET / HTTP/1.1\r\nHost: x\r\nX: "], itertools.repeat(b"x" * 60_000, 1000))

    assert server.asked_slowly(parts, seconds=0).startswith(b"HTTP/1.1 431 ")


PLACES = st.lists(st.integers(1, 400), max_size=8)
BODIES = st.sampled_from([b"a", "ä".encode() * 100, b""])


def test_a_head_that_is_too_large_and_malformed_is_refused_once(server: Inside) -> None:
    parts = [b"GET / HTTP/1.1\r\nX: ", b"a" * 60_000, b"\x00" + b"a" * 10_000]
    answer = server.asked_slowly(parts, seconds=0.2)

    assert answer.count(b"HTTP/1.1 ") == 1


def test_it_does_not_matter_in_which_parts_requests_arrive(server: Inside) -> None:
    @given(PLACES, BODIES)
    @settings(max_examples=50)
    def arrive(places: list[int], body: bytes) -> None:
        chunks = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        whole = (
            b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            + b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\nTrail: er\r\n\r\n" % chunks
            + b"GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        cuts = [0, *sorted({place for place in places if place < len(whole)}), len(whole)]
        answer = asked_at_once(server, [whole[a:b] for a, b in itertools.pairwise(cuts)])

        paths = [json.JSONDecoder().raw_decode(each.decode())[0] for each in answer.split(END)[1:]]
        assert [(each["PATH_INFO"], each["body"]) for each in paths] == [
            ("/a", body.decode()),
            ("/b", body.decode()),
            ("/c", ""),
        ]

    arrive()


def asked_at_once(server: Inside, parts: list[bytes]) -> bytes:
    """Return what a client receives that sends on and on, whatever it is answered; parts arrive one by one, mostly."""
    with server.connected() as client:
        for part in parts:
            client.sendall(part)
            time.sleep(0.001)
        client.shutdown(socket.SHUT_WR)
        return received(client)


def test_names_of_headers_that_only_look_alike_are_left_away_and_repeated_ones_joined(server: Inside) -> None:
    found = told(
        server,
        b"GET / HTTP/1.1\r\nHost: x\r\nX_Real: 1\r\nX-Real: 2\r\nX-Real: 3\r\nCookie: a=1\r\nCookie: b=2\r\nX-None:"
        + END,
    )

    assert (found["HTTP_X_REAL"], found["HTTP_COOKIE"], found["HTTP_X_NONE"]) == ("2,3", "a=1; b=2", "")


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        (b"/a%2Fb%20c?x=%20#d", "/a/b c", "x=%20"),
        (b"/%C3%A4", "/\u00c3\u00a4", ""),
        (b"http://other/a?b", "/a", "b"),
        (b"//a", "//a", ""),
        (b"*", "*", ""),
    ],
)
def test_the_address_is_taken_apart(server: Inside, url: bytes, path: str, query: str) -> None:
    found = told(server, b"OPTIONS " + url + b" HTTP/1.1\r\nHost: x" + END)

    assert (found["PATH_INFO"], found["QUERY_STRING"]) == (path, query)
    assert (found["REMOTE_ADDR"], found["SERVER_PORT"]) == ("127.0.0.1", str(server.port))


def test_a_body_that_breaks_off_is_not_a_bug(server: Inside) -> None:
    answer = asked_at_once(server, [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5" + END + b"abc"])

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_body_is_asked_for_unless_it_is_too_large(server: Inside) -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue" + END
    answers = []
    for length in (3, BODY_BYTES + 1):
        with server.connected() as client:
            client.sendall(request % length)
            answers.append(client.recv(1024))

    assert answers[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answers[1].startswith(b"HTTP/1.1 200 ")


def test_an_upgrade_that_is_not_offered_is_answered_as_if_it_had_not_been_asked_for(server: Inside) -> None:
    answer = server.asked(
        b"GET /a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade" + END + b"PRI * HTTP/2.0"
    )

    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer


def test_what_came_before_something_malformed_is_answered(server: Inside) -> None:
    answer = server.asked(b"GET /a HTTP/1.1\r\nHost: x" + END + b"GET nonsense\r\n")

    assert [each[:3] for each in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]
