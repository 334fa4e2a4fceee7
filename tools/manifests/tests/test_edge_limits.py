import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from functions.runtime.functions import declarations
from tools.local.ports import free_ports
from tools.manifests.tests.edge_server import Answer, Edge, running, wait_until_refused

LARGEST = max(each.max_body for each in declarations())


def test_a_body_as_large_as_any_function_takes_passes(edge: Edge) -> None:
    assert edge.post("/v1/auth/login", b"x" * LARGEST).json["size"] == LARGEST


def test_a_larger_body_is_refused_before_it_reaches_a_function(edge: Edge) -> None:
    answer = edge.post("/v1/auth/login", b"x" * (LARGEST + 1))
    assert (answer.status, answer.json["code"]) == (413, "too_large")


def test_a_body_of_unknown_length_reaches_the_function_with_its_length(edge: Edge) -> None:
    request = (
        b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\n{}\r\n0\r\n\r\n"
    )
    body = json.loads(edge.raw(request).partition(b"\r\n\r\n")[2])
    assert (body["size"], body["headers"]["Content-Length"]) == (2, "2")


LONG = "x" * 2000
"""Of the header User-Agent, which the echo answers with."""


@pytest.mark.parametrize(
    "path", ["/v1/agents", "/v1/agents/echo/versions/1.0.0", "/.well-known/jwks.json", "/openapi.json"]
)
def test_what_is_the_same_for_everybody_is_compressed_for_whoever_asks_for_it(edge: Edge, path: str) -> None:
    plain = edge.get(path, User_Agent=LONG).headers
    packed = edge.get_packed(path, User_Agent=LONG)
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    # Not the bytes that the function made its tag of.
    assert (plain["ETag"], packed["ETag"]) == ('"1"', 'W/"1"')
    assert "Accept-Encoding" in packed["Vary"]


@pytest.mark.parametrize("path", ["/v1/me", "/v1/instances", "/v1/admin/agents", "/v1/event-types"])
def test_what_is_somebodys_own_is_never_compressed(edge: Edge, path: str) -> None:
    assert "Content-Encoding" not in edge.get_packed(path, User_Agent=LONG)


def test_an_address_has_so_many_requests_under_way_and_no_more(tmp_path: Path) -> None:
    body = b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{"
    with running(tmp_path, REQUESTS="2") as edge, ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", edge.port), timeout=10)) for _ in range(2)]
        for each in slow:
            each.sendall(body)
        refused = retried(lambda: edge.get("/v1/agents"), until=429)
        health = edge.get("/_/health").status
        for each in slow:
            each.sendall(b"}")
            each.recv(1)
        taken = retried(lambda: edge.get("/v1/agents"), until=200)
    assert (refused.status, health, taken.status) == (429, 200, 200)


def retried(ask: Callable[[], Answer], until: int) -> Answer:
    """Ask until the answer has a status, for what the edge takes in beside; return the last answer."""
    deadline = time.monotonic() + 60
    while (answer := ask()).status != until and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


def test_whoever_asks_too_often_is_told_when_to_come_back(strict_edge: Edge) -> None:
    answers = [strict_edge.get("/v1/agents") for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert (answers[-1].json["code"], answers[-1].headers["Retry-After"]) == ("too_many", "1")


def test_users_who_ask_too_often_keep_no_administrator_of_their_address_out(tmp_path: Path) -> None:
    settings = {"RATE": "1r/m", "BURST": "2", "ADMIN_RATE": "1r/m", "ADMIN_BURST": "1"}
    with running(tmp_path, **settings) as edge:
        users = [edge.get("/v1/agents") for _ in range(4)]
        administrators = [edge.get("/v1/admin/instances") for _ in range(3)]
    assert [answer.status for answer in users] == [200, 200, 200, 429]
    assert [answer.status for answer in administrators] == [200, 200, 429]
    assert [each[-1].headers["RateLimit"] for each in (users, administrators)] == [
        '"address";r=0;t=1',
        '"admin";r=0;t=1',
    ]


def test_requests_of_users_that_are_under_way_keep_no_administrator_out(tmp_path: Path) -> None:
    body = b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{"
    with running(tmp_path, REQUESTS="1") as edge, socket.create_connection(("127.0.0.1", edge.port), 10) as slow:
        slow.sendall(body)
        assert retried(lambda: edge.get("/v1/agents"), until=429).status == 429
        assert edge.get("/v1/admin/instances").status == 200


def test_guessing_is_limited_harder_than_reading(strict_edge: Edge) -> None:
    assert [strict_edge.post("/v1/auth/login").status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("addresses", "statuses"),
    [
        (("2001:db8:1:2::7", "2001:db8:1:2:ffff::", "2001:db8:1:2:a:0:b:1"), [200, 200, 429]),
        # Bytes that are a line break, and nothing, in the middle of it.
        (("2001:db8:a00:0::7", "2001:db8:a00:0::8", "2001:db8:a00::"), [200, 200, 429]),
        (("2001:db8:1:2::7", "2001:db8:1:3::7", "2001:db8:1:4::7"), [200, 200, 200]),
        (("203.0.113.7", "203.0.113.8", "203.0.113.9"), [200, 200, 200]),
        (("203.0.113.7", "203.0.113.7", "203.0.113.7"), [200, 200, 429]),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(
    tmp_path: Path, addresses: tuple[str, ...], statuses: list[int]
) -> None:
    with running(tmp_path, GUESS_RATE="1r/m", GUESS_BURST="1", TRUSTED_PROXIES="127.0.0.1") as edge:
        told = [{"Content-Type": "application/json", "X-Forwarded-For": each} for each in addresses]
        assert [edge.ask("POST", "/v1/auth/login", each, b"{}").status for each in told] == statuses


@pytest.mark.parametrize(
    ("request_line", "status", "code"),
    [
        (b"GET /v1/agents?q=" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x", 414, "uri_too_long"),
        (b"GET /v1/agents HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000, 431, "headers_too_large"),
        (b"GET /v1/agents HTTP/1.1\r\nHost: a b", 400, "malformed"),
        (b"GET http://[ HTTP/1.1\r\nHost: x", 400, "malformed"),
        (b"GET /v1/%zz HTTP/1.1\r\nHost: x", 400, "malformed"),
        (b"GET /v1/agents HTTP/1.1\r\nHost: x\r\nHost: y", 400, "malformed"),
        (b"get /v1/agents HTTP/1.1\r\nHost: x", 400, "malformed"),
        (b"TRACE /v1/agents HTTP/1.1\r\nHost: x", 405, "method_not_allowed"),
        (b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip", 501, "unknown_transfer_coding"),
        (b"GET /v1/agents HTTP/3.0\r\nHost: x", 505, "http_version_unsupported"),
    ],
)
def test_what_nginx_itself_refuses_is_a_problem_too(edge: Edge, request_line: bytes, status: int, code: str) -> None:
    head, _, body = edge.raw(request_line + b"\r\nConnection: close\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(body)["code"] == code


def test_a_function_that_is_away_is_said_to_be_unavailable(tmp_path: Path) -> None:
    with running(tmp_path, FUNCTIONS=f"127.0.0.1:{free_ports(1)[0]}") as edge:
        answer = edge.get("/v1/agents")
    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "function_unavailable", "2")


def test_a_name_that_nobody_knows_stops_neither_the_edge_nor_the_others(tmp_path: Path) -> None:
    with running(tmp_path, PLATFORM="compose", FUNCTIONS="8080", RESOLVER="127.0.0.1:9") as edge:
        assert [edge.get("/v1/agents").status, edge.get("/_/health").status] == [503, 200]


def test_statistics_are_shown_on_an_address_of_their_own_and_nowhere_else(tmp_path: Path) -> None:
    [port] = free_ports(1)
    with running(tmp_path, STATUS=f"127.0.0.1:{port}") as edge:
        assert Edge(port).get("/").body.startswith("Active connections:")
        assert edge.get("/stub_status").status == 404


def test_whoever_is_being_served_is_served_to_the_end_when_the_edge_stops(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool, ExitStack() as stack:
        edge = stack.enter_context(running(tmp_path))
        answer = pool.submit(edge.get, "/v1/agents", Accept="wait")
        assert edge.arrived.wait(60)
        stopping = pool.submit(stack.close)
        wait_until_refused(edge.port)
        edge.release.set()
        stopping.result(timeout=60)
        assert answer.result(timeout=60).status == 200
