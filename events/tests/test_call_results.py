"""What a function answers, and what the dispatcher makes of it: the same for every function."""

from http import HTTPStatus

import pytest

from events.dispatcher.caller import verdict
from events.dispatcher.delivery import CallResult, Delivery, Verdict
from events.dispatcher.http_connection import Response
from events.dispatcher.key_queues import KeyQueues
from events.subscriptions import Subscription

UNEXPECTED = (301, 302, 307, 308, 400, 403, 404, 405, 408, 409, 413, 415, 425, 429, 501, 502, 504)
PROBLEM = b"application/problem+json"
TOLD = b'{"code": "c", "detail": "d."}'

PLATFORMS = (
    (404, b"text/plain", b"error finding function list-agents.openfaas-fn: server returned non-200 status code (404)"),
    (404, b"text/html", b"<h1>404 Not Found</h1>"),
    (404, b"", b""),
    (429, b"text/plain", b"too many requests"),
    (500, b"text/plain", b"Can't reach service for: record-audit."),
    (502, b"text/html", b"<html>502 Bad Gateway</html>"),
    (503, b"text/plain", b"pending request queue full"),
    (503, b"", b""),
    (504, b"text/plain", b"request timeout"),
)
"""What gateways and proxies answer in the name of a function."""


def answer(status: int, media_type: bytes = PROBLEM, body: bytes = TOLD) -> CallResult:
    return verdict(Response(status, body, reusable=True, media_type=media_type))


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_success_is_handled(status: int) -> None:
    assert answer(status, b"", b"") == CallResult(Verdict.HANDLED, "handled")


def test_422_is_a_dead_letter_at_once_with_the_problem_it_tells() -> None:
    assert answer(422) == CallResult(Verdict.DEAD, "refused", "422 c: d.")


@pytest.mark.parametrize(("status", "reason"), [(503, "unavailable"), (500, "bug"), (401, "unauthenticated")])
def test_what_a_function_says_itself_is_tried_again(status: int, reason: str) -> None:
    assert answer(status) == CallResult(Verdict.RETRY, reason, f"{status} c: d.")


@pytest.mark.parametrize(("status", "media_type", "body"), PLATFORMS)
def test_what_a_platform_says_of_a_function_is_that_it_is_not_there(
    status: int, media_type: bytes, body: bytes
) -> None:
    found = answer(status, media_type, body)
    assert (found.verdict, found.reason) == (Verdict.RETRY, "unreachable")
    assert found.detail.startswith(str(status))
    assert body.decode() not in found.detail or not body


@pytest.mark.parametrize("status", UNEXPECTED)
def test_what_is_never_answered_to_an_event_is_tried_again(status: int) -> None:
    assert answer(status) == CallResult(Verdict.RETRY, "unexpected", f"{status} c: d.")
    assert HTTPStatus(status).phrase


def test_after_so_many_attempts_it_is_dead_for_the_reason_of_the_last() -> None:
    key_queues = KeyQueues(
        Subscription("x", "q", ("#",), attempts=3), lambda: lambda _: not_now, lambda *_: None, lambda: None
    )
    not_now = CallResult(Verdict.RETRY, "unavailable", "503")
    delivery = Delivery(1, 1, b"", "s", "e", "/s", None, attempts=2)
    assert key_queues.judged(delivery, not_now) is not_now
    delivery.attempts = 3
    assert key_queues.judged(delivery, not_now) == CallResult(Verdict.DEAD, "unavailable", "503")


def test_the_pause_doubles_up_to_its_longest_give_or_take_a_half() -> None:
    subscription = Subscription("x", "q", ("#",), backoff_seconds=1, max_backoff_seconds=8)
    key_queues = KeyQueues(
        subscription, lambda: lambda _: CallResult(Verdict.HANDLED, ""), lambda *_: None, lambda: None
    )
    for attempts, middle in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (5_000, 8)):
        pauses = [key_queues.pause(attempts) for _ in range(50)]
        assert middle / 2 <= min(pauses) < max(pauses) <= middle * 1.5
