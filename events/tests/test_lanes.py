"""Lanes by themselves: who is called when, and who goes to the shelf, while a function answers as the test says."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from events.dispatcher.delivery import Answer, Delivery, Verdict
from events.dispatcher.lanes import Lanes
from events.subscriptions import Subscription

Eventually = Callable[..., Any]
Make = Callable[[Callable[[Delivery], Answer]], Lanes]

OK = Answer(Verdict.HANDLED, "handled")
NOT_NOW = Answer(Verdict.RETRY, "unavailable")
PATIENT = Subscription("x", "botberi.x", ("#",), 5, 4, 1000, 60, 60)
IMPATIENT = Subscription("x", "botberi.x", ("#",), 5, 4, 1000, 0.01, 0.01)


def delivery(number: int, subject: str = "") -> Delivery:
    return Delivery(number, 1, b"{}", subject or f"agt_{number}", f"evt_{number}", "/s", None)


@pytest.fixture
def made() -> Iterator[list[Lanes]]:
    lanes: list[Lanes] = []
    yield lanes
    for each in lanes:
        each.workers.begin_nothing()
        each.workers.join(time.monotonic() + 5)


def start(made: list[Lanes], call: Callable[[Delivery], Answer], subscription: Subscription = PATIENT) -> Lanes:
    lanes = Lanes(subscription, lambda: call, lambda *_: None, lambda: None)
    made.append(lanes)
    lanes.workers.start()
    return lanes


def noting(called: list[Any], attribute: str) -> Callable[[Delivery], Answer]:
    def call(each: Delivery) -> Answer:
        called.append(getattr(each, attribute))
        return OK

    return call


def take_in(lanes: Lanes, *deliveries: Delivery) -> None:
    for each in deliveries:
        lanes.accept(each)
    lanes.know(1, set())


def test_nothing_begins_before_it_is_known_what_is_on_the_shelf(made: list[Lanes], eventually: Eventually) -> None:
    called: list[Any] = []
    lanes = start(made, noting(called, "subject"))
    lanes.accept(delivery(1, "agt_shelved"))
    lanes.accept(delivery(2, "agt_free"))
    assert (lanes.asks, called) == (1, [])
    lanes.know(1, {"agt_shelved"})
    eventually(lambda: called == ["agt_free"])
    leaving = lanes.leaving(0)
    assert leaving is not None
    assert ([each.tag for each in leaving.deliveries], leaving.opened) == ([1], {})


def test_what_the_shelf_does_not_take_stays_in_order(made: list[Lanes], eventually: Eventually) -> None:
    called: list[Any] = []
    lanes = start(made, noting(called, "tag"))
    lanes.accept(delivery(1, "agt_back"))
    lanes.know(1, {"agt_back"})
    leaving = lanes.leaving(0)
    assert leaving is not None
    lanes.accept(delivery(2, "agt_back"))
    lanes.stay(leaving, {"agt_back"})
    lanes.accept(delivery(3, "agt_back"))
    eventually(lambda: called == [1, 2, 3])


def test_a_subject_that_fails_leaves_when_it_takes_half_of_the_window(
    made: list[Lanes], eventually: Eventually
) -> None:
    lanes = start(made, lambda _: NOT_NOW)
    half = lanes.window // 2
    take_in(lanes, *(delivery(number, "agt_ill") for number in range(half)))
    eventually(lambda: lanes.retries == 1)
    assert lanes.leaving(99) is None
    lanes.accept(delivery(half, "agt_ill"))
    leaving = eventually(lambda: lanes.leaving(99))
    assert [each.tag for each in leaving.deliveries] == list(range(half + 1))
    assert leaving.opened["agt_ill"][0] == 1
    assert lanes.depth == 0


def test_while_everything_fails_no_more_leaves_than_there_is_room_for(
    made: list[Lanes], eventually: Eventually
) -> None:
    lanes = start(made, lambda _: NOT_NOW)
    take_in(lanes, *(delivery(number) for number in range(lanes.window)))
    eventually(lambda: lanes.retries == lanes.window)
    assert lanes.leaving(0) is None
    leaving = lanes.leaving(10)
    assert leaving is not None
    assert len(leaving.opened) == 10


def test_once_others_are_handled_whoever_fails_may_leave(made: list[Lanes], eventually: Eventually) -> None:
    lanes = start(made, lambda each: OK if each.subject == "agt_well" else NOT_NOW)
    take_in(lanes, *(delivery(number) for number in range(lanes.window)))
    eventually(lambda: lanes.retries == lanes.window)
    lanes.accept(delivery(999, "agt_well"))
    eventually(lambda: lanes.handled_last)
    leaving = lanes.leaving(0)
    assert leaving is not None
    assert lanes.depth == lanes.window // 2


def test_what_failed_before_keeps_half_of_the_workers_at_most(made: list[Lanes], eventually: Eventually) -> None:
    hang, again = threading.Event(), threading.Semaphore(0)

    def call(each: Delivery) -> Answer:
        if each.subject == "agt_well":
            return OK
        if each.attempts > 1:
            again.release()
            hang.wait()
        return NOT_NOW

    lanes = start(made, call, IMPATIENT)
    take_in(lanes, *(delivery(number) for number in range(8)))
    assert all(again.acquire(timeout=30) for _ in range(2))
    lanes.accept(delivery(9, "agt_well"))
    eventually(lambda: lanes.handled_last)
    assert not again.acquire(blocking=False)
    hang.set()


def test_what_was_forgotten_is_not_begun(made: list[Lanes], eventually: Eventually) -> None:
    called: list[Any] = []
    go_on = threading.Event()

    def call(each: Delivery) -> Answer:
        called.append(each.tag)
        go_on.wait()
        return OK

    lanes = start(made, call)
    take_in(lanes, *(delivery(number) for number in range(20)))
    eventually(lambda: len(called) == PATIENT.concurrency)
    lanes.forget()
    go_on.set()
    lanes.accept(delivery(99))
    lanes.know(1, set())
    eventually(lambda: 99 in called)
    assert len(called) == PATIENT.concurrency + 1


def test_a_lost_connection_forgets_what_waits(made: list[Lanes], eventually: Eventually) -> None:
    lanes = start(made, lambda _: NOT_NOW)
    take_in(lanes, *(delivery(number, "agt_ill") for number in range(lanes.window)))
    leaving = eventually(lambda: lanes.leaving(99))
    assert lanes.is_current(leaving)
    lanes.forget()
    assert not lanes.is_current(leaving)
    lanes.stay(leaving, {"agt_ill"})
    assert (lanes.depth, lanes.asks, lanes.leaving(99)) == (0, None, None)
