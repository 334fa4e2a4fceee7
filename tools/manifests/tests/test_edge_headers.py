from pathlib import Path

import pytest

from tools.manifests.edge import NEVER_FROM_OUTSIDE
from tools.manifests.tests.edge_server import Edge, running

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_what_functions_read_goes_on(edge: Edge) -> None:
    sent = {"Authorization": "Bearer x", "If-Match": '"1"', "If-None-Match": '"2"', "Idempotency-Key": "k"}
    sent |= {"Prefer": "wait=1", "Mcp-Method": "tools/call", "Mcp-Name": "say", "MCP-Protocol-Version": "2026-07-28"}
    seen = edge.ask("GET", "/v1/agents", sent).json["headers"]
    assert {name: seen[name] for name in sent} == sent


def test_what_platforms_trust_never_comes_from_outside(edge: Edge) -> None:
    sent = dict.fromkeys((*NEVER_FROM_OUTSIDE, "K-Anything", "X-Nobody-Knows-It"), "evil")
    assert "evil" not in edge.ask("GET", "/v1/agents", sent).json["headers"].values()


EVENT = {"ce-specversion": "1.0", "ce-id": "order-1", "ce-source": "/kunden/Z%C3%BCrich", "ce-theirown": "kept"}


def test_the_attributes_of_an_event_go_on_where_events_are_taken_and_nothing_that_platforms_trust(edge: Edge) -> None:
    sent = dict.fromkeys(NEVER_FROM_OUTSIDE, "evil") | EVENT
    answer = edge.ask("POST", "/v1/events", sent, b"{}").json
    assert {name: answer["headers"].get(name) for name in EVENT} == EVENT
    assert "evil" not in answer["headers"].values()
    assert "Content-Type" not in answer["headers"]
    assert answer["path"] == "/v1/events"


KEPT = "__Host-refresh=rt_A-b_9"


@pytest.mark.parametrize("sent", [KEPT, f"theme=dark; {KEPT}", f"{KEPT}; theme=dark", f"a=1; {KEPT}; b=2"])
def test_the_cookie_with_a_refresh_token_goes_to_the_function_that_takes_it_alone(edge: Edge, sent: str) -> None:
    headers = {"Cookie": sent, "Refresh-Token-In": "cookie", "Content-Type": "application/json"}
    for path, seen in (("/v1/auth/refresh", KEPT), ("/v1/auth/login", None), ("/v1/events", None)):
        told = edge.ask("POST", path, headers, b"{}").json["headers"]
        assert (told.get("Cookie"), told["Refresh-Token-In"]) == (seen, "cookie"), path


@pytest.mark.parametrize(
    "sent", ["__Host-refresh=", "__Host-refresh=a b", "x__Host-refresh=rt_A", "refresh=rt_A", "theme=dark"]
)
def test_no_other_cookie_goes_on(edge: Edge, sent: str) -> None:
    answer = edge.ask("POST", "/v1/auth/refresh", {"Cookie": sent, "Content-Type": "application/json"}, b"{}")
    assert "Cookie" not in answer.json["headers"]


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/events"])
def test_the_caller_can_not_choose_its_own_address_or_the_functions_host(edge: Edge, path: str) -> None:
    sent = {"Host": "admin.internal", "X-Forwarded-For": "1.2.3.4", "X-Real-Ip": "1.2.3.4", "X-Forwarded-Host": "x"}
    seen = edge.ask("POST" if path == "/v1/events" else "GET", path, sent).json["headers"]
    assert (seen["X-Forwarded-For"], seen["X-Forwarded-Host"]) == ("127.0.0.1", "admin.internal")
    assert seen["Host"].startswith("127.0.0.1:")


def test_only_a_load_balancer_that_was_named_tells_who_called(tmp_path: Path) -> None:
    with running(tmp_path, TRUSTED_PROXIES="192.0.2.0/24 127.0.0.1") as edge:
        seen = edge.get("/v1/agents", X_Forwarded_For="203.0.113.9, 198.51.100.7, 192.0.2.1").json["headers"]
    assert seen["X-Forwarded-For"] == "198.51.100.7"


def test_a_trace_goes_on_and_is_the_requests_id(edge: Edge) -> None:
    answer = edge.get("/v1/agents", traceparent=TRACE)
    assert (answer.json["headers"]["traceparent"], answer.headers["X-Request-Id"]) == (TRACE, TRACE.split("-")[1])


@pytest.mark.parametrize(
    "sent", ["", "00-0-0-01", TRACE.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32), TRACE + "x"]
)
def test_a_trace_begins_where_none_or_a_malformed_one_comes(edge: Edge, sent: str) -> None:
    answer = edge.get("/v1/agents", traceparent=sent)
    version, trace, span, flags = answer.json["headers"]["traceparent"].split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")
    assert trace == answer.headers["X-Request-Id"] != TRACE.split("-")[1]


@pytest.mark.parametrize("path", ["/v1/agents", "/nowhere"])
def test_every_answer_carries_the_security_headers(edge: Edge, path: str) -> None:
    headers = edge.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert (headers["Cache-Control"], headers["X-Frame-Options"]) == ("no-store", "DENY")
    assert "Strict-Transport-Security" not in headers


def test_over_tls_browsers_are_told_to_stay_there(edge: Edge) -> None:
    headers = edge.get("/v1/agents", X_Forwarded_Proto="https").headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize("origin", ["https://a.example", "https://app.example"])
def test_a_browser_of_an_allowed_origin_may_read_the_answer(edge: Edge, origin: str) -> None:
    headers = edge.get("/v1/agents", Origin=origin).headers
    assert (headers["Access-Control-Allow-Origin"], headers["Vary"]) == (origin, "Origin")
    assert "ETag" in headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin", ["https://aXexample", "https://a.example.evil", "https://a.exampl", "null", "https://"]
)
def test_a_browser_of_another_origin_may_not(edge: Edge, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in edge.get("/v1/agents", Origin=origin).headers


def test_a_preflight_is_answered_at_the_edge(edge: Edge) -> None:
    sent = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    answer = edge.ask("OPTIONS", "/v1/auth/login", sent)
    assert (answer.status, answer.headers["Access-Control-Allow-Methods"]) == (204, "POST")
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]


def test_no_page_of_another_origin_may_ask_for_the_cookie(edge: Edge) -> None:
    sent = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    answer = edge.ask("OPTIONS", "/v1/auth/refresh", sent)
    assert answer.status == 204
    assert "Refresh-Token-In" not in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_preflight_of_another_origin_is_refused(edge: Edge) -> None:
    sent = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = edge.ask("OPTIONS", "/v1/auth/login", sent)
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")


def upgraded(edge: Edge, origin: str = "") -> bytes:
    """Ask for a WebSocket, as a page of `origin` or as a program, and return the first line of the answer."""
    sent = f"Origin: {origin}\r\n" if origin else ""
    request = (
        f"GET /v1/realtime HTTP/1.1\r\nHost: botberi.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{sent}"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    return edge.first_line(request.encode())


@pytest.mark.parametrize("origin", ["", "http://botberi.example", "https://a.example", "https://app.example"])
def test_programs_and_pages_of_allowed_origins_get_the_upgrade_to_a_websocket(edge: Edge, origin: str) -> None:
    assert upgraded(edge, origin) == b"HTTP/1.1 101 Switching Protocols\r\n"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://botberi.example.evil", "https://botberi.example", "https://a.exampl", "null"],
)
def test_pages_of_other_origins_get_no_websocket(edge: Edge, origin: str) -> None:
    assert upgraded(edge, origin) == b"HTTP/1.1 403 Forbidden\r\n"
