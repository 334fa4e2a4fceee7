"""What a function answers, and what the dispatcher makes of it: the same for every function."""

from http import HTTPStatus

import pytest

from events.dispatcher.caller import verdict
from events.dispatcher.delivery import Answer, Delivery, Verdict
from events.dispatcher.lanes import Lanes
from events.subscriptions import Subscription

UNEXPECTED = (301, 302, 307, 308, 400, 401, 403, 404, 405, 408, 409, 413, 415, 425, 429, 501, 502, 504)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_success_is_handled(status: int) -> None:
    assert verdict(status, b"") == Answer(Verdict.HANDLED, "handled")


def test_422_is_a_dead_letter_at_once_with_the_problem_it_tells() -> None:
    problem = b'{"code": "event_data_invalid", "detail": "The data does not fit."}'
    assert verdict(422, problem) == Answer(Verdict.DEAD, "refused", "422 event_data_invalid: The data does not fit.")


@pytest.mark.parametrize(("status", "reason"), [(503, "unavailable"), (500, "bug")])
def test_not_now_and_a_bug_are_tried_again(status: int, reason: str) -> None:
    assert verdict(status, b"") == Answer(Verdict.RETRY, reason, str(status))


@pytest.mark.parametrize("status", UNEXPECTED)
def test_what_is_never_answered_to_an_event_is_tried_again(status: int) -> None:
    assert verdict(status, b"").verdict is Verdict.RETRY
    assert verdict(status, b"").reason == "unexpected"
    assert HTTPStatus(status).phrase


def test_after_so_many_attempts_it_is_dead_for_the_reason_of_the_last() -> None:
    lanes = Lanes(Subscription("x", "q", ("#",), attempts=3), lambda: lambda _: not_now, lambda *_: None, lambda: None)
    not_now = Answer(Verdict.RETRY, "unavailable", "503")
    delivery = Delivery(1, 1, b"", "s", "e", "/s", None, attempts=2)
    assert lanes.judged(delivery, not_now) is not_now
    delivery.attempts = 3
    assert lanes.judged(delivery, not_now) == Answer(Verdict.DEAD, "unavailable", "503")


def test_the_pause_doubles_up_to_its_longest_give_or_take_a_half() -> None:
    subscription = Subscription("x", "q", ("#",), backoff_seconds=1, max_backoff_seconds=8)
    lanes = Lanes(subscription, lambda: lambda _: Answer(Verdict.HANDLED, ""), lambda *_: None, lambda: None)
    for attempts, middle in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (5_000, 8)):
        pauses = [lanes.pause(attempts) for _ in range(50)]
        assert middle / 2 <= min(pauses) < max(pauses) <= middle * 1.5
