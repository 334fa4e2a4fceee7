"""Streams of runs, over HTTP and on the WebSocket: everything once and in order, from whichever number on."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import redis

from functions.services.realtime.client import RUNS
from functions.services.realtime.run_events import PAGE
from functions.services.realtime.tests.conftest import Gateway
from functions.services.realtime.tests.played_runs import PlayedRun, Reader
from functions.services.realtime.tests.tabs import Tab, token
from testing.environment import Environment

Eventually = Callable[..., Any]


@pytest.fixture
def hints(env: Environment) -> redis.Redis:
    return env.redis()


@pytest.fixture
def run(gateway: Gateway, hints: redis.Redis) -> PlayedRun:
    assert gateway.process.alive
    return PlayedRun(hints)


@pytest.fixture
def read(gateway: Gateway) -> Callable[..., Reader]:
    """Return what opens the stream of a run."""

    def opened(run: PlayedRun, query: str = "", owner: str | None = None, **more: Any) -> Reader:
        return Reader(gateway.port, f"/v1/runs/{run.id}/stream{query}", token(owner or run.owner), **more)

    return opened


def test_what_was_said_comes_first_then_what_is_and_then_it_ends(run: PlayedRun, read: Callable[..., Reader]) -> None:
    run.say("Hel", "lo")
    with read(run) as reader:
        assert (reader.status, reader.response.headers["Content-Type"]) == (200, "text/event-stream")
        assert reader.response.headers["Cache-Control"] == "no-store"
        assert reader.response.headers["X-Accel-Buffering"] == "no"
        events = reader.events()
        assert [next(events), next(events)] == run.said
        run.say(", Ädä\n🦊")
        assert next(events) == (3, "text", {"text": ", Ädä\n🦊"})
        run.end()
        assert [tuple(each) for each in events] == run.said[3:]


@pytest.mark.parametrize("resume", [lambda number: {"last": number}, lambda number: {"query": f"?after={number}"}])
def test_from_every_number_on_the_same_follows(
    run: PlayedRun, read: Callable[..., Reader], resume: Callable[[int], dict[str, Any]]
) -> None:
    run.say("a", "b").say("c", "d").end()
    for number in range(run.last):
        with read(run, **resume(number)) as reader:
            assert list(reader.events()) == run.said[number:]
    with read(run, **resume(run.last)) as reader:
        assert (reader.status, reader.response.read()) == (204, b"")


def test_the_last_event_s_id_counts_more_than_the_address(run: PlayedRun, read: Callable[..., Reader]) -> None:
    run.say("a", "b").end()
    with read(run, "?after=0", last=2) as reader:
        assert list(reader.events()) == run.said[2:]


def test_without_hints_events_come_within_a_second_or_two(run: PlayedRun, read: Callable[..., Reader]) -> None:
    with read(run) as one, read(run) as other:
        run.say("a", hinted=False)
        assert one.next(1) == other.next(1) == run.said
        run.say("b", hinted=False).say("c")
        assert one.next(2) == run.said[1:], "a hint that leaves something out lets it be read"
        run.end(hinted=False)
        assert list(one.events()) == run.said[3:]


def test_a_hint_that_is_none_costs_nothing(run: PlayedRun, read: Callable[..., Reader], hints: redis.Redis) -> None:
    with read(run) as reader:
        run.say("a")
        assert reader.next(1) == run.said
        for nonsense in ("", "[]", '{"events": 1}', '{"events": [{"sequence": 2}]}'):
            hints.publish(f"runs:{run.id}", nonsense)
        run.say("b").end()
        assert list(reader.events()) == run.said[1:]


def test_more_than_a_page_comes_whole(run: PlayedRun, read: Callable[..., Reader]) -> None:
    run.say(*(f"{number} " + "x" * 1000 for number in range(3 * PAGE))).end()
    with read(run) as reader:
        assert list(reader.events()) == run.said


def test_a_reader_that_leaves_stops_nothing(run: PlayedRun, read: Callable[..., Reader]) -> None:
    run.say("a")
    for _ in range(3):
        with read(run) as reader:
            reader.next(1)
    run.say("b").end()
    with read(run) as reader:
        assert list(reader.events()) == run.said


def test_a_silent_run_is_heard_to_live(run: PlayedRun, read: Callable[..., Reader]) -> None:
    run.say("a")
    with read(run) as reader:
        events = reader.events()
        next(events)
        lines = iter(partial(reader.response.readline), b"")
        assert [next(lines), next(lines), next(lines)] == [b"\n", b":\n", b"\n"]


def test_head_says_what_get_would(run: PlayedRun, read: Callable[..., Reader]) -> None:
    run.say("a")
    with read(run, method="HEAD") as reader:
        assert (reader.status, reader.response.headers["Content-Type"]) == (200, "text/event-stream")


def test_other_people_s_runs_are_not_there(run: PlayedRun, read: Callable[..., Reader]) -> None:
    run.say("a")
    with read(run, owner="usr_bob") as reader:
        assert (reader.status, reader.problem()) == (404, "run_not_found")
    run.end()
    with read(run, owner="usr_bob") as reader:
        assert (reader.status, reader.problem()) == (404, "run_not_found")


@pytest.mark.parametrize(
    ("query", "more", "answer"),
    [
        ("", {"token": ""}, (401, "unauthenticated")),
        ("", {"token": "x"}, (401, "unauthenticated")),
        ("?after=x", {}, (422, "invalid")),
        ("?after=1&after=2", {}, (422, "invalid")),
        ("?before=1", {}, (422, "invalid")),
        ("", {"last": "x"}, (400, "last_event_id_malformed")),
    ],
)
def test_what_is_no_request_for_a_stream_is_refused_as_functions_do(
    gateway: Gateway, run: PlayedRun, query: str, more: dict[str, Any], answer: tuple[int, str]
) -> None:
    asked = {"token": token(), **more}
    with Reader(gateway.port, f"/v1/runs/{run.id}/stream{query}", **asked) as reader:
        assert (reader.status, reader.problem()) == answer
        assert ("WWW-Authenticate" in reader.response.headers) == (reader.status == 401)


def test_a_session_that_ends_ends_its_streams(gateway: Gateway, run: PlayedRun) -> None:
    mine = token(session="ses_streams")
    with Reader(gateway.port, f"/v1/runs/{run.id}/stream", mine) as reader:
        gateway.end_session("ses_streams")
        assert list(reader.events()) == []
    gateway.revoke("ses_streams")
    with Reader(gateway.port, f"/v1/runs/{run.id}/stream", mine) as reader:
        assert (reader.status, reader.problem()) == (401, "session_revoked")


def test_streams_are_counted(
    gateway: Gateway, run: PlayedRun, read: Callable[..., Reader], eventually: Eventually
) -> None:
    with read(run):
        eventually(lambda: gateway.figure("botberi_gateway_streams") == 1)
    eventually(lambda: gateway.figure("botberi_gateway_streams") == 0)


def follow(tab: Tab, run: PlayedRun, after: int = 0) -> None:
    tab.say({"follow": {"run_id": run.id, "after": after}})


def of(tab: Tab, run: PlayedRun) -> list[tuple[int, str, Any]]:
    """Return the events of a run that have come."""
    brought = [each["run_event"] for each in tab.received if "run_event" in each]
    return [(each["sequence"], each["type"], each["data"]) for each in brought if each["run_id"] == run.id]


def test_a_run_is_followed_from_a_number_on_to_its_end(gateway: Gateway, run: PlayedRun) -> None:
    run.say("a", "b")
    with gateway.tab(token()) as tab:
        follow(tab, run, after=1)
        assert tab.until("run_event")["run_event"]["at"] == "2026-01-02T03:04:05.678901Z"
        assert tab.event(gateway.happen())
        run.say("c").end()
        ended = {"run_id": run.id, "sequence": run.last, "reason": "ended"}
        assert tab.until("run_ended") == {"run_ended": ended}
        assert of(tab, run) == run.said[1:]


def test_what_is_followed_no_more_is_silent_and_can_be_taken_up_again(
    gateway: Gateway, run: PlayedRun, hints: redis.Redis
) -> None:
    other = PlayedRun(hints)
    with gateway.tab(token()) as tab:
        follow(tab, run)
        run.say("a")
        tab.until("run_event")
        tab.say({"unfollow": {"run_id": run.id}})
        follow(tab, other)
        other.end()
        tab.until("run_ended")
        run.say("b").end()
        follow(tab, run, after=1)
        tab.until("run_ended")
        assert (of(tab, run), of(tab, other)) == (run.said, other.said)


def test_a_run_that_is_somebody_else_s_or_none_is_not_found(gateway: Gateway, run: PlayedRun) -> None:
    run.say("a")
    with gateway.tab(token("usr_bob")) as tab:
        for run_id in (run.id, "run_none"):
            tab.say({"follow": {"run_id": run_id}})
            ended = {"run_id": run_id, "sequence": 0, "reason": "run_not_found"}
            assert tab.until("run_ended") == {"run_ended": ended}


def test_a_connection_follows_so_many_runs_and_no_more(gateway: Gateway) -> None:
    with gateway.tab(token("usr_many")) as tab:
        ended = PlayedRun(None, "usr_many").end()
        follow(tab, ended)
        tab.until("run_ended")
        for run in (PlayedRun(None, "usr_many") for _ in range(RUNS)):
            follow(tab, run)
        follow(tab, ended)
        assert tab.end() == (4429, "too_many_runs")
