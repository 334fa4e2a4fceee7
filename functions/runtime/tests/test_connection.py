"""One client's connection, over a real pair of sockets: what HTTP/1.1 allows is answered, and the rest refused."""

import itertools
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import sockets
from functions.runtime.connection import BODY_BYTES, HEAD_BYTES, HEADERS, URL_BYTES, Connection
from functions.runtime.wsgi import Application, Environ, StartResponse

HEAD = b"Host: x\r\n"
END = b"\r\n\r\n"

PATIENCE = 60
"""Seconds."""


def tell(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with what was asked."""
    told = {name: value for name, value in environ.items() if isinstance(value, str)}
    body = json.dumps(told | {"body": environ["wsgi.input"].read().decode()}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def answering(status: str, headers: list[tuple[str, str]], *parts: bytes) -> Application:
    """Return an application that says the same to everybody."""

    def answer(_environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response(status, headers)
        yield from parts

    return answer


def asked(*parts: bytes, application: Application = tell) -> bytes:
    """Return all that a client receives that sends `parts`, one after the other, and then nothing more."""
    client, ours = socket.socketpair()
    for each in (client, ours):
        sockets.limit(each, PATIENCE)
    with closing(client):
        connection = Connection(ours, ("192.0.2.1", 1234), ("192.0.2.2", 8080))
        for part in parts:
            client.sendall(part)
            if not connection.answer(application, lambda: True):
                break
        else:
            client.shutdown(socket.SHUT_WR)
            connection.answer(application, lambda: True)
        connection.close()
        return b"".join(iter(lambda: client.recv(65536), b""))


def told(*parts: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(asked(*parts).partition(END)[2])
    return found


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost : x" + END,
        b"GET / HTTP/1.1\r\n" + HEAD + b" folded" + END,
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
def test_what_is_not_http_is_refused_as_a_problem_and_the_connection_ends(request_: bytes) -> None:
    head, _, body = asked(request_).partition(END)

    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
    assert b"Connection: close" in head
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
def test_what_is_too_much_or_unknown_is_refused_with_its_own_status(request_: bytes, status: int) -> None:
    parts = [request_[place : place + 60_000] for place in range(0, len(request_), 60_000)]
    head, _, body = asked(*parts).partition(END)

    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    # And nothing behind it is taken for a request.
    assert json.loads(body)["status"] == status


def test_a_head_without_an_end_is_not_collected_for_ever() -> None:
    parts = (b"x" * 60_000 for _ in range(1000))

    assert asked(b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *parts).startswith(b"HTTP/1.1 431 ")


@given(st.lists(st.integers(1, 400), max_size=8), st.sampled_from([b"a", "ä".encode() * 100, b""]))
def test_it_does_not_matter_in_which_parts_requests_arrive(places: list[int], body: bytes) -> None:
    chunks = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    whole = (
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        + b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\nTrail: er\r\n\r\n" % chunks
        + b"GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    cuts = [0, *sorted({place for place in places if place < len(whole)}), len(whole)]
    answer = asked_at_once([whole[a:b] for a, b in itertools.pairwise(cuts)])

    paths = [json.JSONDecoder().raw_decode(each.decode())[0] for each in answer.split(END)[1:]]
    assert [(each["PATH_INFO"], each["body"]) for each in paths] == [
        ("/a", body.decode()),
        ("/b", body.decode()),
        ("/c", ""),
    ]


def asked_at_once(parts: list[bytes]) -> bytes:
    """Return what a client receives that sends on and on, whatever it is answered; each part is received by itself."""
    client, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for each in (client, ours):
        sockets.limit(each, PATIENCE)
    connection = Connection(ours, ("192.0.2.1", 1234), ("192.0.2.2", 8080))
    with closing(client):
        for part in parts:
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        while connection.answer(tell, lambda: True):
            pass
        connection.close()
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_names_of_headers_that_only_look_alike_are_left_away_and_repeated_ones_joined() -> None:
    found = told(
        b"GET / HTTP/1.1\r\nHost: x\r\nX_Real: 1\r\nX-Real: 2\r\nX-Real: 3\r\nCookie: a=1\r\nCookie: b=2\r\nX-None:"
        + END
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
def test_the_address_is_taken_apart(url: bytes, path: str, query: str) -> None:
    found = told(b"OPTIONS " + url + b" HTTP/1.1\r\nHost: x" + END)

    assert (found["PATH_INFO"], found["QUERY_STRING"]) == (path, query)
    assert (found["REMOTE_ADDR"], found["SERVER_PORT"]) == ("192.0.2.1", "8080")


@pytest.mark.parametrize(
    ("request_", "head"),
    [
        (b"GET / HTTP/1.1\r\nHost: x" + END, b"Transfer-Encoding: chunked"),
        (b"GET / HTTP/1.0" + END, b"Connection: close"),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive" + END, b"Connection: close"),
    ],
)
def test_an_answer_of_unknown_length_has_an_end_all_the_same(request_: bytes, head: bytes) -> None:
    answer = asked(request_, application=answering("200 OK", [], b"one ", b"", b"two"))
    body = answer.partition(END)[2]

    assert head in answer
    assert body == (b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n" if b"chunked" in head else b"one two")


@pytest.mark.parametrize(
    ("method", "status"), [(b"HEAD", "200 OK"), (b"GET", "204 No Content"), (b"GET", "304 Not Modified")]
)
def test_where_there_is_no_body_none_is_sent(method: bytes, status: str) -> None:
    request = method + b" / HTTP/1.1\r\nHost: x" + END
    answer = asked(request, request, application=answering(status, [], b"body"))

    assert answer.count(b"HTTP/1.1 " + status.encode()) == 2
    assert b"body" not in answer


def test_an_old_client_that_asks_for_it_keeps_its_connection() -> None:
    request = b"GET / HTTP/1.0\r\nConnection: keep-alive" + END

    assert asked(request, request).count(b"Connection: keep-alive") == 2


def test_a_body_that_breaks_off_is_not_a_bug() -> None:
    answer = asked_at_once([b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5" + END + b"abc"])

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_body_is_asked_for_unless_it_is_too_large() -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue" + END
    larger = request.replace(b"3\r\n", b"%d\r\n" % (BODY_BYTES + 1))
    refused = asked(larger, application=answering("413 Content Too Large", [("Content-Length", "0")]))

    assert refused.startswith(b"HTTP/1.1 413 ")
    assert asked_at_once([request]).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")


def test_an_upgrade_that_is_not_offered_is_answered_as_if_it_had_not_been_asked_for() -> None:
    answer = asked(b"GET /a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade" + END + b"PRI * HTTP/2.0")

    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in answer


def test_what_came_before_something_malformed_is_answered() -> None:
    answer = asked(b"GET /a HTTP/1.1\r\nHost: x" + END + b"GET nonsense\r\n")

    assert [each[:3] for each in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]


def test_an_answer_that_is_shorter_than_it_said_ends_the_connection() -> None:
    request = b"GET / HTTP/1.1\r\nHost: x" + END
    answer = asked(request, request, application=answering("200 OK", [("Content-Length", "9")], b"short"))

    assert answer.count(b"short") == 1


def test_an_application_that_fails_is_a_problem_without_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_environ: Environ, _start_response: StartResponse) -> Iterable[bytes]:
        raise ValueError("secret")

    answer = asked(b"GET / HTTP/1.1\r\nHost: x" + END, application=fail)

    assert json.loads(answer.partition(END)[2])["code"] == "internal"
    assert b"secret" not in answer
    assert "secret" in caplog.text


def test_an_application_that_fails_in_the_middle_ends_the_connection() -> None:
    def fail(_environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"half"
        raise ValueError

    answer = asked(b"GET / HTTP/1.1\r\nHost: x" + END, application=fail)

    assert answer.endswith(b"half\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_connection_closes_after_its_answer_when_connections_may_not_last() -> None:
    client, ours = socket.socketpair()
    connection = Connection(ours, ("192.0.2.1", 1234), ("192.0.2.2", 8080))
    with closing(client):
        client.sendall(b"GET / HTTP/1.1\r\nHost: x" + END)

        assert not connection.answer(tell, lambda: False)
        assert b"Connection: close" in client.recv(65536)
        connection.close()
