"""The dispatcher's HTTP, against servers that answer in every way there is."""

from collections.abc import Callable, Iterator

import pytest

from events.dispatcher.caller import Caller
from events.dispatcher.delivery import CallResult, Delivery, Verdict, together
from events.signing import Keys, new_key, verify
from testing.canned import Server

Serve = Callable[..., Caller]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

CHUNKED = (
    b"HTTP/1.1 422 No\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'10\r\n{"code": "c", "d\r\nD;x=y\r\netail": "d."}\r\n0\r\nTrailer: 1\r\n\r\n'
)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIVERY_SIGNING_KEYS", new_key())


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        server.close()


@pytest.fixture
def serve(servers: list[Server]) -> Iterator[Serve]:
    callers: list[Caller] = []

    def start(*connections: list[bytes], timeout: float = 5) -> Caller:
        servers.append(Server(list(connections)))
        callers.append(Caller(f"http://127.0.0.1:{servers[-1].port}/function/receive", "receive", Keys(), timeout))
        return callers[-1]

    yield start
    for caller in callers:
        caller.close()


def delivery(traceparent: str | None = None) -> Delivery:
    return Delivery(1, 1, b'{"a": 1}', "agt_1", "evt_1", "/s", traceparent)


def test_one_connection_serves_call_after_call(serve: Serve, servers: list[Server]) -> None:
    caller = serve([OK, OK, OK])
    assert [caller(delivery(TRACE)).verdict for _ in range(3)] == [Verdict.HANDLED] * 3
    head, _, body = servers[0].requests[2].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    verify(Keys().current(), "receive", headers, body)
    assert lines[0] == "POST /function/receive HTTP/1.1"
    assert {name: value for name, value in headers.items() if not name.startswith("webhook-")} == {
        "Host": f"127.0.0.1:{servers[0].port}",
        "Content-Type": "application/cloudevents+json",
        "traceparent": TRACE,
        "Content-Length": "8",
    }
    assert body == b'{"a": 1}'


def test_several_come_as_a_batch_that_is_signed_as_one(serve: Serve, servers: list[Server]) -> None:
    caller = serve([OK, OK])
    both = [delivery(TRACE), Delivery(2, 1, b'{"a": 2}', "agt_2", "evt_2", "/s", None)]
    assert [caller(together(each)).verdict for each in (both, both[::-1])] == [Verdict.HANDLED] * 2
    found = []
    for request in servers[0].requests:
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        verify(Keys().current(), "receive", headers, body)
        assert headers["Content-Type"] == "application/cloudevents-batch+json"
        assert "traceparent" not in headers
        found.append((headers["webhook-id"], body))
    assert [body for _, body in found] == [b'[{"a": 1},{"a": 2}]', b'[{"a": 2},{"a": 1}]']
    assert found[0][0] != found[1][0]


def test_a_connection_that_was_closed_while_idle_is_replaced(serve: Serve) -> None:
    caller = serve([OK], [OK])
    assert [caller(delivery()).verdict for _ in range(2)] == [Verdict.HANDLED] * 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 422 No\r\nContent-Length: 29\r\n\r\n" + b'{"code": "c", "detail": "d."}',
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 422 No\r\n\r\n" + b'{"code": "c", "detail": "d."}',
        CHUNKED,
        b'HTTP/1.0 422 No\r\nconnection: close\r\n\r\n{"code": "c", "detail": "d."}',
    ],
    ids=["sized", "after 100", "chunked", "until closed"],
)
def test_the_body_is_read_however_it_is_sent(serve: Serve, answer: bytes) -> None:
    assert serve([answer])(delivery()) == CallResult(Verdict.DEAD, "refused", "422 c: d.")


def test_an_answer_without_a_body_ends_with_its_head(serve: Serve) -> None:
    assert serve([b"HTTP/1.1 204 No Content\r\n\r\n"])(delivery()).verdict is Verdict.HANDLED


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000,
    ],
)
def test_half_an_answer_is_no_answer(serve: Serve, answer: bytes) -> None:
    found = serve([answer])(delivery())
    assert (found.verdict, found.reason) == (Verdict.RETRY, "unreachable")


def test_a_huge_body_is_not_read_and_ends_the_connection(serve: Serve) -> None:
    head = (
        b"HTTP/1.1 503 No\r\nContent-Type: application/problem+json; charset=utf-8\r\nContent-Length: 10000000\r\n\r\n"
    )
    huge = head + b"x" * 20_000
    caller = serve([huge], [OK])
    assert caller(delivery()) == CallResult(Verdict.RETRY, "unavailable", "503")
    assert caller(delivery()).verdict is Verdict.HANDLED


@pytest.mark.parametrize("more", [b"x", OK])
def test_what_follows_an_answer_unasked_ends_the_connection(serve: Serve, more: bytes) -> None:
    caller = serve([OK + more], [b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"])
    assert [caller(delivery()).verdict for _ in range(2)] == [Verdict.HANDLED, Verdict.RETRY]


def test_the_time_limit_is_for_the_whole_call(serve: Serve) -> None:
    assert serve([b"HTTP/1.1 200 OK\r\n"] * 2, timeout=0.2)(delivery()).reason == "timeout"


def test_no_header_can_be_smuggled_in_with_the_trace(serve: Serve, servers: list[Server]) -> None:
    caller = serve([OK, OK])
    caller(delivery(f"{TRACE}\r\nX-Evil: 1"))
    caller(delivery(f"{TRACE}\n"))
    assert all(b"traceparent" not in request for request in servers[0].requests)
