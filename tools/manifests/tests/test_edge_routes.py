import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.runtime.declarations import Declaration
from functions.runtime.functions import declarations
from tools.attack import probes
from tools.attack.spellings import spellings
from tools.local.ports import free_ports
from tools.manifests import edge as generated
from tools.manifests.edge import PLATFORMS, AmbiguousRouteError
from tools.manifests.tests.declared import declared
from tools.manifests.tests.edge_server import Edge, need_nginx, running, start

EVERYTHING = declarations()
ENDPOINTS = [each for each in EVERYTHING if each.api != "subscribers"]


def filled(path: str) -> str:
    return path.replace("{", "a-").replace("}", "")


@pytest.mark.parametrize("each", ENDPOINTS, ids=lambda each: each.name)
def test_every_endpoint_is_reached_at_its_method_and_path(edge: Edge, each: Declaration) -> None:
    answer = edge.ask(each.method, filled(each.path), {"Content-Length": "0"})
    assert (answer.status, answer.json["method"], answer.json["path"]) == (200, each.method, filled(each.path))


@pytest.mark.parametrize("each", ENDPOINTS, ids=lambda each: each.name)
def test_another_method_is_refused_with_those_that_are_allowed(edge: Edge, each: Declaration) -> None:
    allowed = set[str]().union(*(other.methods for other in ENDPOINTS if other.path == each.path))
    method = next(one for one in ("PUT", "POST", "DELETE") if one not in allowed)
    answer = edge.ask(method, filled(each.path), {"Content-Length": "0"})
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == ", ".join(sorted(allowed))


@pytest.mark.parametrize("path", ["/v1/agents", "/nowhere"])
def test_nothing_of_a_request_is_said_back_by_trace(edge: Edge, path: str) -> None:
    answer = edge.ask("TRACE", path, {"X-Canary": "canary"})
    assert answer.status == 405
    assert "canary" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/v1", "/v1/agents/", "/V1/agents", "//v1/agents", "/v1/agents%2fa%2fb"),
        *("/function/login", "/_/metrics", "/_/ready", "/_/edge/400", "/robots.txt", "/favicon.ico", "/index.html"),
    ],
)
def test_what_is_no_address_is_a_problem_of_the_usual_form(edge: Edge, path: str) -> None:
    answer = edge.get(path)
    assert (answer.status, answer.json["code"]) == (404, "route_not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["trace_id"] == answer.headers["X-Request-Id"]


def test_the_address_goes_on_as_it_was_sent(edge: Edge) -> None:
    for path in ("/v1/agents/a%3Fb%20%C3%A4%25?cursor=%2Fx&limit=2", "/v1/agents/echo/versions/1.0.0%2Bb.1"):
        assert edge.get(path).json["path"] == path


@pytest.fixture(scope="session")
def named_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An edge that puts the function's name in front of the path that goes on."""
    settings = {"RATE": "100000r/s", "GUESS_RATE": "100000r/s", "PLATFORM": "openfaas"}
    with running(tmp_path_factory.mktemp("named"), **settings) as running_edge:
        yield running_edge


@pytest.mark.parametrize("each", EVERYTHING, ids=lambda each: each.name)
def test_no_other_spelling_of_an_address_leads_anywhere_else(named_edge: Edge, each: Declaration) -> None:
    method = each.method or "POST"
    for target in spellings(probes.filled(each), by=probes.DETOUR):
        found, plainly = named_edge.reached(method, target), probes.leads_to(ENDPOINTS, method, target)
        # What is only another value in the address of the same function is that, whatever it looks like.
        assert found in (None, plainly and f"/function/{plainly.deployment}{target}"), target


@pytest.mark.parametrize(
    "target", ["/_/metrics", "/_/health", "/v1/realtime", "/openapi.json", "/function/subscribers"]
)
def test_no_other_spelling_leads_to_what_is_no_function(named_edge: Edge, target: str) -> None:
    assert [each for each in spellings(target, by="/v1/agents") if named_edge.reached("GET", each)] == []


def test_no_other_spelling_of_the_log_in_gets_around_its_throttle(strict_edge: Edge) -> None:
    login = "/v1/auth/login"
    reached = [each for each in (login, login, *spellings(login, by=login)) if strict_edge.reached("POST", each)]
    assert reached == [login, login]


def test_the_log_has_the_path_as_it_was_sent_without_its_query(tmp_path: Path) -> None:
    with running(tmp_path) as edge:
        edge.reached("GET", "/v1/x/%2e%2e/agents/?q=secret")
    assert [json.loads(line)["path"] for line in log_of(tmp_path)] == ["/v1/x/%2e%2e/agents/"]


def log_of(folder: Path) -> list[str]:
    return [line for line in (folder / "output.log").read_text().splitlines() if line.startswith("{")]


def test_the_pages_of_each_api_are_found(edge: Edge) -> None:
    asked = ["/docs", "/docs/swagger-ui.css", "/openapi.json", "/admin/docs", "/broker/openapi.json"]
    assert [edge.get(path).json["path"] for path in asked] == [
        "/docs", "/docs/swagger-ui.css", "/openapi.json", "/docs", "/openapi.json",
    ]  # fmt: skip


def test_an_api_on_a_port_of_its_own_shows_nothing_of_the_others(tmp_path: Path) -> None:
    ports = dict(zip(("user", "admin"), free_ports(2), strict=True))
    apis = " ".join(f"{api}={port}" for api, port in ports.items())
    with running(tmp_path, APIS=apis):
        user, admin = (Edge(port) for port in ports.values())
        assert [user.get("/v1/agents").status, user.get("/v1/admin/agents").status] == [200, 404]
        assert [admin.get("/v1/agents").status, admin.get("/v1/admin/agents").status] == [404, 200]


def test_the_edge_answers_for_its_own_health(edge: Edge) -> None:
    assert (edge.get("/_/health").status, edge.get("/_/health").body) == (200, "ok")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nginx_accepts_the_configuration_of_each_platform(tmp_path: Path, platform: str) -> None:
    need_nginx()
    process = start(tmp_path, "-t", PLATFORM=platform, APIS="user=8010", TRUSTED_PROXIES="10.1.2.0/24 fd00:1::7")
    output = process.communicate(timeout=60)[0]
    assert (process.returncode, "warn" in output) == (0, False), output


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("openfaas", "/function/read-agent/v1/agents/faq"),
        ("openfaas-ce", "/function/user-agents/v1/agents/faq"),
    ],
)
def test_a_gateway_gets_the_function_before_the_path(tmp_path: Path, platform: str, expected: str) -> None:
    with running(tmp_path, PLATFORM=platform) as edge:
        assert edge.get("/v1/agents/faq").json["path"] == expected


def test_a_setting_that_could_change_the_configuration_is_refused(tmp_path: Path) -> None:
    process = start(tmp_path, "-t", CORS_ORIGINS='"; return 200; "')
    output = process.communicate(timeout=60)[0]
    assert (process.returncode, "EDGE_CORS_ORIGINS" in output) == (1, True)


@pytest.mark.parametrize("network", ["", "10.0.0.0/8", "192.0.2.1 172.16.0.0/12", "0.0.0.0/0", "::/0", "fc00::/7"])
def test_nobody_is_believed_who_was_not_named(tmp_path: Path, network: str) -> None:
    process = start(tmp_path, "-t", PLATFORM="compose", TRUSTED_PROXIES=network)
    output = process.communicate(timeout=60)[0]
    assert (process.returncode, "EDGE_TRUSTED_PROXIES" in output) == (1, True)


def test_two_functions_for_one_request_are_refused() -> None:
    with pytest.raises(AmbiguousRouteError, match=r"find_agent .* and read_agent"):
        generated.routes([declared("read_agent", "/v1/agents/{slug}"), declared("find_agent", "/v1/agents/find")])
