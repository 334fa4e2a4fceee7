"""Per-key queues by themselves: who is called when, and who goes to the retry store, while a function answers as the
test says.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from events.dispatcher.delivery import CallResult, Delivery, Verdict
from events.dispatcher.key_queues import MAX_BATCH_BYTES, KeyQueues
from events.subscriptions import Subscription

Eventually = Callable[..., Any]
Make = Callable[[Callable[[Delivery], CallResult]], KeyQueues]

OK = CallResult(Verdict.HANDLED, "handled")
NOT_NOW = CallResult(Verdict.RETRY, "unavailable")
PATIENT = Subscription("x", "botberi.x", ("#",), 5, 4, 1000, 60, 60)
TOGETHER = Subscription("x", "botberi.x", ("#",), 5, 4, 1000, 0.01, 0.01, batch=10, linger_seconds=0.2)
IMPATIENT = Subscription("x", "botberi.x", ("#",), 5, 4, 1000, 0.01, 0.01)


def delivery(number: int, subject: str = "") -> Delivery:
    return Delivery(number, 1, b"{}", subject or f"agt_{number}", f"evt_{number}", "/s", None)


@pytest.fixture
def made() -> Iterator[list[KeyQueues]]:
    key_queues: list[KeyQueues] = []
    yield key_queues
    for each in key_queues:
        each.workers.begin_nothing()
        each.workers.join(time.monotonic() + 5)


def start(
    made: list[KeyQueues], call: Callable[[Delivery], CallResult], subscription: Subscription = PATIENT
) -> KeyQueues:
    key_queues = KeyQueues(subscription, lambda: call, lambda *_: None, lambda: None)
    made.append(key_queues)
    key_queues.workers.start()
    return key_queues


def noting(called: list[Any], attribute: str) -> Callable[[Delivery], CallResult]:
    def call(each: Delivery) -> CallResult:
        called.append(getattr(each, attribute))
        return OK

    return call


def take_in(key_queues: KeyQueues, *deliveries: Delivery) -> None:
    for each in deliveries:
        key_queues.accept(each)
    key_queues.set_deferred(1, set())


def test_nothing_begins_before_it_is_known_what_is_on_the_retry_store(
    made: list[KeyQueues], eventually: Eventually
) -> None:
    called: list[Any] = []
    key_queues = start(made, noting(called, "subject"))
    key_queues.accept(delivery(1, "agt_shelved"))
    key_queues.accept(delivery(2, "agt_free"))
    assert (key_queues.waiting_connection, called) == (1, [])
    key_queues.set_deferred(1, {"agt_shelved"})
    eventually(lambda: called == ["agt_free"])
    deferral = key_queues.take_deferral(0)
    assert deferral is not None
    assert ([each.tag for each in deferral.deliveries], deferral.opened) == ([1], {})


def test_what_the_retry_store_does_not_take_stays_in_order(made: list[KeyQueues], eventually: Eventually) -> None:
    called: list[Any] = []
    key_queues = start(made, noting(called, "tag"))
    key_queues.accept(delivery(1, "agt_back"))
    key_queues.set_deferred(1, {"agt_back"})
    deferral = key_queues.take_deferral(0)
    assert deferral is not None
    key_queues.accept(delivery(2, "agt_back"))
    key_queues.readmit(deferral, {"agt_back"})
    key_queues.accept(delivery(3, "agt_back"))
    eventually(lambda: called == [1, 2, 3])


def test_a_subject_that_fails_leaves_when_it_takes_half_of_the_window(
    made: list[KeyQueues], eventually: Eventually
) -> None:
    key_queues = start(made, lambda _: NOT_NOW)
    half = key_queues.window // 2
    take_in(key_queues, *(delivery(number, "agt_ill") for number in range(half)))
    eventually(lambda: key_queues.retries == 1)
    assert key_queues.take_deferral(99) is None
    key_queues.accept(delivery(half, "agt_ill"))
    deferral = eventually(lambda: key_queues.take_deferral(99))
    assert [each.tag for each in deferral.deliveries] == list(range(half + 1))
    assert deferral.opened["agt_ill"][0] == 1
    assert key_queues.depth == 0


def test_while_everything_fails_no_more_leaves_than_there_is_room_for(
    made: list[KeyQueues], eventually: Eventually
) -> None:
    key_queues = start(made, lambda _: NOT_NOW)
    take_in(key_queues, *(delivery(number) for number in range(key_queues.window)))
    eventually(lambda: key_queues.retries == key_queues.window)
    assert key_queues.take_deferral(0) is None
    deferral = key_queues.take_deferral(10)
    assert deferral is not None
    assert len(deferral.opened) == 10


def test_once_others_are_handled_whoever_fails_may_leave(made: list[KeyQueues], eventually: Eventually) -> None:
    key_queues = start(made, lambda each: OK if each.subject == "agt_well" else NOT_NOW)
    take_in(key_queues, *(delivery(number) for number in range(key_queues.window)))
    eventually(lambda: key_queues.retries == key_queues.window)
    key_queues.accept(delivery(999, "agt_well"))
    eventually(lambda: key_queues.handled_last)
    deferral = key_queues.take_deferral(0)
    assert deferral is not None
    assert key_queues.depth == key_queues.window // 2


def test_what_failed_before_keeps_half_of_the_workers_at_most(made: list[KeyQueues], eventually: Eventually) -> None:
    hang, again = threading.Event(), threading.Semaphore(0)

    def call(each: Delivery) -> CallResult:
        if each.subject == "agt_well":
            return OK
        if each.attempts > 1:
            again.release()
            hang.wait()
        return NOT_NOW

    key_queues = start(made, call, IMPATIENT)
    take_in(key_queues, *(delivery(number) for number in range(8)))
    assert all(again.acquire(timeout=30) for _ in range(2))
    key_queues.accept(delivery(9, "agt_well"))
    eventually(lambda: key_queues.handled_last)
    assert not again.acquire(blocking=False)
    hang.set()


def test_what_was_forgotten_is_not_begun(made: list[KeyQueues], eventually: Eventually) -> None:
    called: list[Any] = []
    go_on = threading.Event()

    def call(each: Delivery) -> CallResult:
        called.append(each.tag)
        go_on.wait()
        return OK

    key_queues = start(made, call)
    take_in(key_queues, *(delivery(number) for number in range(20)))
    eventually(lambda: len(called) == PATIENT.concurrency)
    key_queues.forget()
    go_on.set()
    key_queues.accept(delivery(99))
    key_queues.set_deferred(1, set())
    eventually(lambda: 99 in called)
    assert len(called) == PATIENT.concurrency + 1


def test_a_lost_connection_forgets_what_waits(made: list[KeyQueues], eventually: Eventually) -> None:
    key_queues = start(made, lambda _: NOT_NOW)
    take_in(key_queues, *(delivery(number, "agt_ill") for number in range(key_queues.window)))
    deferral = eventually(lambda: key_queues.take_deferral(99))
    assert key_queues.is_current(deferral)
    key_queues.forget()
    assert not key_queues.is_current(deferral)
    key_queues.readmit(deferral, {"agt_ill"})
    assert (key_queues.depth, key_queues.waiting_connection, key_queues.take_deferral(99)) == (0, None, None)


def an_event(number: int, subject: str) -> Delivery:
    """Return a delivery whose body says which it is."""
    return replace(delivery(number, subject), body=json.dumps(number).encode())


def numbers(each: Delivery) -> list[int]:
    """Return which events a call brings."""
    said = json.loads(each.body)
    return said if isinstance(said, list) else [said]


def calls_of(
    made: list[KeyQueues], subscription: Subscription = TOGETHER, *, poison: int | None = None
) -> tuple[KeyQueues, list[list[int]], list[int]]:
    """Start key queues; return them, the numbers that each call has brought, and those that were settled."""
    calls: list[list[int]] = []
    settled: list[int] = []

    def call(each: Delivery) -> CallResult:
        calls.append(numbers(each))
        return CallResult(Verdict.DEAD, "refused") if poison in calls[-1] else OK

    key_queues = KeyQueues(subscription, lambda: call, lambda each, _: settled.append(each.tag), lambda: None)
    made.append(key_queues)
    key_queues.workers.start()
    return key_queues, calls, settled


def test_events_of_a_moment_come_by_one_call_in_the_order_of_each_subject(
    made: list[KeyQueues], eventually: Eventually
) -> None:
    key_queues, calls, settled = calls_of(made)
    take_in(key_queues, *(an_event(number, f"agt_{number % 2}") for number in range(6)))
    eventually(lambda: len(settled) == 6)
    assert calls == [[0, 2, 4, 1, 3, 5]]
    assert key_queues.depth == 0


def test_one_alone_comes_as_ever(made: list[KeyQueues], eventually: Eventually) -> None:
    key_queues, calls, settled = calls_of(made)
    take_in(key_queues, an_event(1, "agt_1"))
    eventually(lambda: settled == [1])
    assert calls == [[1]]


def test_a_batch_that_is_full_waits_for_no_more(made: list[KeyQueues], eventually: Eventually) -> None:
    key_queues, calls, settled = calls_of(made, replace(TOGETHER, linger_seconds=1000))
    take_in(key_queues, *(an_event(number, f"agt_{number}") for number in range(25)))
    eventually(lambda: len(settled) == 25)
    assert max(map(len, calls)) == 10


def test_what_is_too_long_or_cannot_be_read_comes_alone(made: list[KeyQueues], eventually: Eventually) -> None:
    key_queues, calls, settled = calls_of(made)
    large = replace(an_event(0, "agt_0"), body=b" " * MAX_BATCH_BYTES + b"0")
    unread = replace(an_event(3, "agt_3"), readable=False)
    take_in(key_queues, large, an_event(1, "agt_1"), an_event(2, "agt_2"), unread, an_event(4, "agt_4"))
    eventually(lambda: len(settled) == 5)
    assert sorted(calls) == [[0], [1, 2], [3], [4]]


def test_of_a_batch_that_is_refused_each_event_is_judged_alone(made: list[KeyQueues], eventually: Eventually) -> None:
    key_queues, calls, settled = calls_of(made, poison=3)
    take_in(key_queues, *(an_event(number, f"agt_{number % 3}") for number in range(6)))
    eventually(lambda: sorted(settled) == list(range(6)))
    assert calls[0] == [0, 3, 1, 4, 2, 5]
    assert [3] in calls
    for subject in range(3):
        assert [each for each in settled if each % 3 == subject] == [subject, subject + 3]


def test_what_was_forgotten_in_the_middle_of_a_batch_is_not_settled(
    made: list[KeyQueues], eventually: Eventually
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    settled: list[int] = []

    def call(_: Delivery) -> CallResult:
        begun.set()
        go_on.wait(60)
        return OK

    key_queues = KeyQueues(TOGETHER, lambda: call, lambda each, _: settled.append(each.tag), lambda: None)
    made.append(key_queues)
    key_queues.workers.start()
    take_in(key_queues, an_event(1, "agt_1"), an_event(2, "agt_2"))
    assert begun.wait(60)
    key_queues.forget()
    go_on.set()
    take_in(key_queues, an_event(7, "agt_1"))
    eventually(lambda: settled)
    assert settled == [7]
