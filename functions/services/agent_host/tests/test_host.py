"""The host as a process: whom it ends to make room for whom, whom it refuses and why, and what its own end leaves."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from functions.services.agent_host import exposition
from functions.services.agent_host.tests.conftest import Host, Instance, end

Eventually = Callable[..., Any]

LONG: Final = "30"


@contextmanager
def at_work(host: Host, eventually: Eventually, *asked: Instance) -> Iterator[list[Future[str]]]:
    """Have each answer something that takes longer than the block, at the end of which they are ended."""
    before = host.metric(exposition.CALLS)
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = [pool.submit(each.say, LONG) for each in asked]
        try:
            eventually(
                lambda: host.metric(exposition.CALLS) == before + len(asked) and all(each.awake for each in asked)
            )
            yield answers
        finally:
            end(*asked)


def test_an_agent_that_is_asked_nothing_is_ended_and_one_at_work_is_not(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host, mine = start(AGENT_IDLE_SECONDS="0.2"), instance()
    assert mine.say("1.5") == "1.5"
    eventually(lambda: host.metric(exposition.AWAKE) == 0)
    assert mine.say("hello again") == "hello again"
    assert host.metric(exposition.WOKEN) == 2
    eventually(lambda: mine.awake == 0)
    kinds = {exposition.AWAKE: "gauge", exposition.WOKEN: "counter", exposition.CALLS: "gauge"}
    assert {f"# TYPE {name} {kind}" for name, kind in kinds.items()} <= set(host.metrics())


def test_who_was_idle_longest_makes_room_and_of_an_owner_at_the_bound_one_of_their_own(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host = start(AGENT_HOST_AWAKE="6")
    first, second = instance(), instance()
    mine = [instance("usr_me") for _ in range(5)]
    for each in (first, second, *mine[:4], first):
        assert each.say("hello") == "hello"
    assert host.metric(exposition.AWAKE) == 6
    # One owner may have four, whoever else is idle for longer.
    assert mine[4].say("hello") == "hello"
    assert [each.awake for each in (first, second, *mine)] == [1, 1, 0, 1, 1, 1, 1]
    # As many are awake as may be: one of a stranger, who was asked last before `first` was asked again.
    assert instance().say("hello") == "hello"
    assert [each.awake for each in (first, second, *mine)] == [1, 0, 0, 1, 1, 1, 1]
    with at_work(host, eventually, first, *mine[1:]):
        busy = instance()
        with at_work(host, eventually, busy):
            assert instance().say("hello") == "platform_full"
        assert instance().say("hello") == "hello"


def test_each_who_is_refused_is_told_what_there_was_too_much_of(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host = start(THREADS="6")
    mine, another, theirs = instance("usr_me"), instance("usr_me"), instance()
    with at_work(host, eventually, mine, mine, mine, mine, theirs, theirs) as answers:
        with ThreadPoolExecutor(3) as pool:
            said = list(pool.map(lambda each: each.say("hello"), (mine, another, instance())))
        assert said == ["agent_busy", "owner_busy", "platform_full"]
        assert not any(answer.done() for answer in answers)
    assert {answer.result() for answer in answers} == {"agent_unavailable"}
    assert instance().say("hello") == "hello"


def test_a_host_that_is_to_end_finishes_its_answers_and_leaves_no_process(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host, idle, busy = start(), instance(), instance()
    assert idle.say("hello") == "hello"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(busy.say, "3")
        eventually(lambda: host.metric(exposition.CALLS) == 1 and busy.awake == 1)
        family = host.family()
        host.process.ask_to_stop()
        assert answer.result() == "3"
    assert host.process.process.wait(60) == 0
    assert [each for each in family if each.is_running()] == []


def test_what_a_killed_host_has_left_is_gone_once_it_is_started_again(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host, mine = start(), instance()
    assert mine.say("hello") == "hello"
    family, homes = host.family(), list((host.folder / "awake").glob("*/[0-9]*"))
    # One of them may be of a child that was forked ahead.
    assert family
    assert homes
    host.process.process.kill()
    host.process.process.wait()
    again = start()
    eventually(lambda: not any(each.is_running() for each in family))
    assert [home for home in homes if home.exists()] == []
    assert again.metric(exposition.AWAKE) == 0
    assert mine.say("hello") == "hello"
