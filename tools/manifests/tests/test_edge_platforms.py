"""The edge before a platform that answers in a function's place, with texts as they were seen on the real ones."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

import pytest

from tools.local.ports import free_ports
from tools.manifests.edge import PLATFORMS
from tools.manifests.tests.edge_server import Edge, running

GO: Final = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
"""What Go's http.Error says of its text."""

ADDED: Final = {
    "X-Served-By": "openfaas-community/0.27",
    "X-Call-Id": "9b8c23e5",
    "X-Start-Time": "1796000000",
    "X-Duration-Seconds": "0.01",
    "X-Envoy-Upstream-Service-Time": "3",
    "K-Network-Hash": "override",
    "Server": "envoy",
}
"""What platforms put on every answer."""


@dataclass(frozen=True)
class Said:
    """An answer from behind the edge."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=lambda: GO)


def problem(status: int, code: str, **more: str) -> Said:
    headers = {"Content-Type": "application/problem+json", "Retry-After": "7", "ETag": '"1"', **more}
    return Said(status, json.dumps({"status": status, "code": code}), headers)


ANSWERS: Final = {
    "fine": Said(200, "{}", {"Content-Type": "application/json"}),
    "missing-on-openfaas": Said(404, "error finding function read-agent.openfaas-fn: status code (404)"),
    "dead-on-openfaas": Said(500, "Can't reach service for: read-agent."),
    "missing-on-knative": Said(404, "", {}),
    "nobody-on-knative": Said(503, "no healthy upstream", {"Content-Type": "text/plain"}),
    "full-on-knative": Said(503, "pending request queue full"),
    "many-on-openfaas": Said(429, "concurrent request limit exceeded"),
    "late-on-knative": Said(504, "request timeout"),
    "gone-on-openfaas": Said(502, "<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
    "not-allowed": Said(401, "invalid credentials"),
    "theirs-404": problem(404, "agent_not_found"),
    "theirs-401": Said(401, '{"error": {"code": 401}}', {"Content-Type": "application/json", "X-Request-Id": "1"}),
    "theirs-422": problem(422, "invalid"),
    "theirs-500": problem(500, "internal"),
    "theirs-503": problem(503, "database_unavailable"),
    "theirs-504": problem(504, "x", **{"X-Accel-Redirect": "/_/health"}),
}


class Platform(BaseHTTPRequestHandler):
    """Answers with what the last part of the path names."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        said = ANSWERS[self.path.rpartition("/")[2]]
        self.send_response_only(said.status)
        for name, value in {**said.headers, **ADDED, "Content-Length": str(len(said.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body.encode())

    do_GET = do_HEAD = _answer

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with running(tmp_path_factory.mktemp("platform"), Platform, PLATFORM="openfaas") as edge:
        yield edge


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("missing-on-openfaas", 503, "function_unavailable"),
        ("dead-on-openfaas", 503, "function_unavailable"),
        ("missing-on-knative", 503, "function_unavailable"),
        ("nobody-on-knative", 503, "function_unavailable"),
        ("full-on-knative", 503, "function_overloaded"),
        ("many-on-openfaas", 503, "function_overloaded"),
        ("late-on-knative", 504, "function_timeout"),
        ("gone-on-openfaas", 503, "function_unavailable"),
        ("not-allowed", 503, "function_unavailable"),
    ],
)
def test_what_a_platform_says_in_a_functions_place_is_a_problem(
    platform: Edge, name: str, status: int, code: str
) -> None:
    answer = platform.get(f"/v1/agents/{name}")
    assert (answer.status, answer.json["status"], answer.json["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["trace_id"] == answer.headers["X-Request-Id"]
    assert answer.headers.get("Retry-After") == ("2" if status == 503 else None)
    assert platform.ask("HEAD", f"/v1/agents/{name}").status == status


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.startswith(("theirs", "fine"))])
def test_what_a_function_says_arrives_as_it_is(platform: Edge, name: str) -> None:
    said, answer = ANSWERS[name], platform.get(f"/v1/agents/{name}")
    assert (answer.status, answer.body) == (said.status, said.body)
    passed = {
        header: value for header, value in said.headers.items() if not header.startswith(("X-Accel", "X-Request"))
    }
    assert {header: answer.headers.get(header) for header in passed} == passed


@pytest.mark.parametrize("name", ["fine", "dead-on-openfaas", "theirs-404"])
def test_what_a_platform_adds_to_an_answer_stays_inside(platform: Edge, name: str) -> None:
    headers = platform.get(f"/v1/agents/{name}").headers
    assert [header for header, value in ADDED.items() if headers.get(header) == value] == []


@pytest.mark.parametrize("name", [name for name, each in PLATFORMS.items() if each.host == "$functions"])
def test_a_gateway_that_is_away_is_a_function_that_is_unavailable(tmp_path: Path, name: str) -> None:
    with running(tmp_path, PLATFORM=name, FUNCTIONS=f"127.0.0.1:{free_ports(1)[0]}") as edge:
        answer = edge.post("/v1/auth/login")
    assert (answer.status, answer.json["code"]) == (503, "function_unavailable")


def test_the_edge_starts_where_it_was_killed_before(tmp_path: Path) -> None:
    (tmp_path / "functions.sock").touch()
    with running(tmp_path, Platform, PLATFORM="knative") as edge:
        assert edge.get("/_/health").status == 200
