"""The server: what every platform asks of a container, on a process of its own."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from functions.runtime.http.tests.process import LARGE, TIMEOUT, Server, wait_until
from tools.local.ports import free_ports


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, free_ports(2))
    wait_until(server.accepts)
    yield server
    server.released.touch()
    server.process.kill()
    server.process.wait()


def test_each_of_several_ports_knows_its_number(server: Server) -> None:
    answers = [server.ask("GET", "/port", port=port) for port in (0, 1)]

    assert answers == [str(port).encode() for port in server.ports]


def test_a_body_in_chunks_arrives_whole(server: Server) -> None:
    assert server.ask("POST", "/echo", iter([b"one ", b"two"])) == b"one two"


@pytest.mark.parametrize("path", ["/_/health", "/_/ready"])
def test_probes_are_answered_while_every_thread_is_busy(server: Server, path: str) -> None:
    with server.holding() as answers:
        assert server.ask("GET", path) == b"done"
        assert not answers


def test_a_request_that_comes_while_every_thread_is_busy_waits_for_its_turn(server: Server) -> None:
    with server.holding(), socket.create_connection(("127.0.0.1", server.ports[0]), timeout=TIMEOUT) as waiting:
        waiting.sendall(b"GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        server.released.touch()
        answer = b"".join(iter(lambda: waiting.recv(1024), b""))

    assert answer.endswith(b"done")


def test_a_request_in_flight_is_finished_after_sigterm(server: Server) -> None:
    with server.holding() as answers:
        server.stop()
        wait_until(lambda: not server.accepts())

    assert answers == [b"done"]
    assert server.process.wait(TIMEOUT) == 0


def test_a_connection_on_which_nothing_is_asked_does_not_hold_up_the_end(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.ports[0])):
        server.ask("GET", "/port")
        server.stop()

        assert server.process.wait(TIMEOUT) == 0


def test_a_request_on_its_way_at_sigterm_is_answered_on_whichever_connection(server: Server) -> None:
    with ExitStack() as stack:
        fresh, kept = [stack.enter_context(connected(server)) for _ in range(2)]
        kept.sendall(b"GET /port HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(1024).endswith(str(server.ports[0]).encode())
        server.stop()
        wait_until(lambda: not server.accepts())
        for each in (fresh, kept):
            each.sendall(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
        answers = [received(each) for each in (fresh, kept)]

    assert [b"connection: close" in answer and answer.endswith(b"done") for answer in answers] == [True, True]
    assert server.process.wait(TIMEOUT) == 0


def test_a_request_that_never_ends_is_a_failure_to_whoever_stops_it(tmp_path: Path) -> None:
    server = Server(tmp_path, free_ports(1), grace=0.5)
    wait_until(server.accepts)
    with connected(server) as client:
        client.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(server.held.exists)
        server.stop()

        assert server.process.wait(TIMEOUT) == 1


def test_a_client_that_never_ends_its_request_is_none(tmp_path: Path) -> None:
    server = Server(tmp_path, free_ports(1), grace=0.5)
    wait_until(server.accepts)
    with connected(server) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(1024)
        server.stop()

        assert server.process.wait(TIMEOUT) == 0


def test_a_process_with_nothing_to_do_hardly_wakes(server: Server) -> None:
    server.ask("GET", "/port")
    before = server.wakes()
    time.sleep(3)

    # uvicorn's own clock would have woken it thirty times.
    assert server.wakes() - before < 15


def test_two_requests_sent_at_once_are_both_answered(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.ports[0]), timeout=TIMEOUT) as connection:
        connection.sendall(
            b"GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answers = b"".join(iter(lambda: connection.recv(1024), b""))

    assert answers.count(b"200 OK") == 2


def test_probes_and_requests_may_come_by_one_connection(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.ports[0], timeout=TIMEOUT)
    answers = []
    for path in ("/_/health", "/port", "/_/ready", "/next"):
        connection.request("GET", path)
        answers.append(connection.getresponse().read())
    connection.close()

    assert answers == [b"done", str(server.ports[0]).encode(), b"done", b"done"]


def test_who_sends_half_a_head_holds_up_nobody(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.ports[0]), timeout=TIMEOUT) as slow:
        slow.sendall(b"GET /one HTTP/1.1\r\nHo")
        assert server.ask("GET", "/two") == b"done"
        slow.sendall(b"st: x\r\nConnection: close\r\n\r\n")

        assert b"".join(iter(lambda: slow.recv(1024), b"")).endswith(b"done")


def test_who_sends_half_a_body_holds_up_nobody(server: Server) -> None:
    half = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nha"
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(server)) for _ in range(30)]
        for each in slow:
            each.sendall(half)
        answers = [server.ask("GET", path) for path in ("/one", "/_/health", "/two")]
        for each in slow:
            each.sendall(b"lf")
        ends = [received(each)[-4:] for each in slow]

    assert answers == [b"done"] * 3
    assert ends == [b"half"] * 30


def test_who_does_not_read_the_answer_holds_up_nobody(server: Server) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(server)) for _ in range(3)]
        for each in slow:
            each.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = [server.ask("GET", path) for path in ("/one", "/_/health", "/two")]
        lengths = [len(received(each).partition(b"\r\n\r\n")[2]) for each in slow]

    assert answers == [b"done"] * 3
    assert lengths == [LARGE] * 3


def test_requests_behind_a_long_answer_are_answered_when_it_has_been_read(server: Server) -> None:
    with connected(server) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        client.sendall(b"GET /port HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert server.ask("GET", "/one") == b"done"
        answers = received(client)

    assert len(answers) > 2 * LARGE
    assert answers.endswith(str(server.ports[0]).encode())


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.ports[0]), timeout=TIMEOUT)


def received(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(1 << 20), b""))


def test_who_sends_more_than_is_read_gets_the_answer_all_the_same(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.ports[0]), timeout=TIMEOUT) as client:
        client.sendall(b"POST /port HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000)

        assert b"".join(iter(lambda: client.recv(1024), b"")).endswith(str(server.ports[0]).encode())
