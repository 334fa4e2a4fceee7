"""Responses as an application may give them: whole, in parts, of no length, of a wrong one, or none at all."""

import json
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from functions.runtime.http.resting import REST, Rest
from functions.runtime.http.tests.serving import END, TIMEOUT, received, serving

GET = b"GET / HTTP/1.1\r\nHost: x" + END


def answering(status: str, headers: list[tuple[str, str]], *parts: bytes) -> WSGIApplication:
    """Return an application that says the same to everybody."""

    def answer(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response(status, headers)
        yield from parts

    return answer


def asked(*parts: bytes, application: WSGIApplication) -> bytes:
    with serving(application) as server:
        return server.asked(*parts)


@pytest.mark.parametrize(
    ("request_", "head"),
    [
        (b"GET / HTTP/1.1\r\nHost: x" + END, b"transfer-encoding: chunked"),
        (b"GET / HTTP/1.0" + END, b"connection: close"),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive" + END, b"connection: close"),
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
    answer = asked(request * 2, application=answering(status, [], b"body"))

    assert answer.count(b"HTTP/1.1 " + status.encode()) == 2
    assert b"body" not in answer


def test_an_answer_that_is_shorter_than_it_said_ends_the_connection() -> None:
    request = b"GET / HTTP/1.1\r\nHost: x" + END
    answer = asked(request, request, application=answering("200 OK", [("Content-Length", "9")], b"short"))

    assert answer.count(b"short") == 1


def test_an_application_that_fails_is_a_problem_without_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_environ: WSGIEnvironment, _start_response: StartResponse) -> Iterable[bytes]:
        raise ValueError("secret")

    answer = asked(b"GET / HTTP/1.1\r\nHost: x" + END, application=fail)

    assert json.loads(answer.partition(END)[2])["code"] == "internal"
    assert b"secret" not in answer
    assert "secret" in caplog.text


def test_an_application_that_fails_in_the_middle_ends_the_connection() -> None:
    def fail(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"half"
        raise ValueError

    answer = asked(b"GET / HTTP/1.1\r\nHost: x" + END, application=fail)

    assert answer.endswith(b"half\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1


def failing(*parts: bytes) -> WSGIApplication:
    """Return an application that fails after `parts`, and then wants to say so in their place."""

    def fail(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("X-First", "1")])
        yield from parts
        try:
            int("late")
        except ValueError:
            start_response("503 Service Unavailable", [], sys.exc_info())
        yield b"sorry"

    return fail


def test_an_application_may_answer_otherwise_as_long_as_its_body_has_not_begun() -> None:
    answer = asked(GET, application=failing())

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"sorry" in answer
    assert b"x-first" not in answer.lower()


def test_once_its_body_has_begun_its_exception_is_raised_where_it_wanted_to(caplog: pytest.LogCaptureFixture) -> None:
    answer = asked(GET, application=failing(b"half"))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"half\r\n")
    assert "invalid literal" in caplog.text


def test_an_answer_goes_on_as_long_as_somebody_reads_it_and_no_longer() -> None:
    closed = threading.Event()

    def answer(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                yield b"more"
        finally:
            closed.set()

    with serving(answer) as server:
        with server.connected() as client:
            client.sendall(GET)
            got = b""
            while got.count(b"more") < 10:
                got += client.recv(1 << 16)
            assert not closed.is_set()
        assert closed.wait(TIMEOUT)


def test_an_application_that_rests_takes_no_thread_meanwhile() -> None:
    rests: list[Rest] = []

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        if environ["PATH_INFO"] == "/":
            rests.append(environ[REST])
            # Longer than the test takes.
            environ[REST](TIMEOUT)
        yield b"second"
        yield b"third"

    with serving(answer, threads=1) as server, server.connected() as resting:
        resting.sendall(GET)
        got = b""
        while b"second" not in got:
            got += resting.recv(1 << 16)
        assert b"third" in server.asked(b"GET /other HTTP/1.1\r\nHost: x\r\nConnection: close" + END)
        resting.setblocking(False)
        with pytest.raises(BlockingIOError):
            resting.recv(1 << 16)
        # Or the server would wait for it at its end.
        rests[0].wake()


def test_an_application_may_rest_before_it_knows_its_answer() -> None:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        if environ["PATH_INFO"] == "/":
            for _ in range(2):
                environ[REST](0.2)
                yield b""
        start_response("202 Accepted", [])
        yield b"at last"

    with serving(answer, threads=1) as server, server.connected() as resting:
        resting.sendall(GET)
        assert b"at last" in server.asked(b"GET /other HTTP/1.1\r\nHost: x\r\nConnection: close" + END)
        got = b""
        while b"at last" not in got:
            got += resting.recv(1 << 16)
    assert got.startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize("leaves", [lambda client: client.close(), lambda client: client.shutdown(socket.SHUT_WR)])
def test_who_closes_before_the_answer_is_known_ends_it(leaves: Callable[[socket.socket], None]) -> None:
    begun, closed = threading.Event(), threading.Event()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        try:
            begun.set()
            environ[REST](TIMEOUT)
            yield b""
            start_response("200 OK", [])
            yield b"too late"
        finally:
            closed.set()

    with serving(answer) as server, server.connected() as client:
        client.sendall(GET)
        assert begun.wait(TIMEOUT)
        leaves(client)
        assert closed.wait(TIMEOUT)


def test_who_only_stops_sending_before_the_answer_is_known_is_told_so() -> None:
    begun = threading.Event()

    def answer(environ: WSGIEnvironment, _start_response: StartResponse) -> Iterator[bytes]:
        begun.set()
        environ[REST](TIMEOUT)
        yield b""

    with serving(answer) as server, server.connected() as client:
        client.sendall(GET)
        assert begun.wait(TIMEOUT)
        client.shutdown(socket.SHUT_WR)
        assert received(client).startswith(b"HTTP/1.1 400 ")


def test_who_stops_sending_is_told_an_answer_that_has_begun() -> None:
    stopped = threading.Event()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        environ[REST](0.01)
        yield b""
        start_response("200 OK", [])
        yield b"first"
        assert stopped.wait(TIMEOUT)
        environ[REST](0.2)
        yield b"second"
        yield b"third"

    with serving(answer) as server, server.connected() as client:
        client.sendall(GET)
        got = b""
        while b"first" not in got:
            got += client.recv(1 << 16)
        client.shutdown(socket.SHUT_WR)
        stopped.set()
        while b"third" not in got:
            more = client.recv(1 << 16)
            assert more
            got += more


def test_a_rest_ends_when_it_is_woken() -> None:
    resting: list[Rest] = []

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        resting.append(environ[REST])
        for _ in range(2):
            # Longer than the test takes.
            environ[REST](TIMEOUT * 10)
            yield b""
        start_response("200 OK", [])
        yield b"woken"

    with serving(answer) as server, server.connected() as client:
        client.sendall(GET)
        got = b""
        client.settimeout(0.05)
        while b"woken" not in got:
            for each in resting:
                each.wake()
            with suppress(TimeoutError):
                got += client.recv(1 << 16)


def test_who_leaves_before_the_answer_is_known_ends_it() -> None:
    begun, closed = threading.Event(), threading.Event()

    def answer(environ: WSGIEnvironment, _start_response: StartResponse) -> Iterator[bytes]:
        try:
            begun.set()
            environ[REST](TIMEOUT)
            yield b""
        finally:
            closed.set()

    with serving(answer) as server:
        with server.connected() as client:
            client.sendall(GET)
            assert begun.wait(TIMEOUT)
            # A reset.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert closed.wait(TIMEOUT)
