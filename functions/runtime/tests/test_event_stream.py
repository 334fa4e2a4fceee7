"""A stream of events, as a client reads it that knows nothing but the standard."""

import pytest

from functions.domain.api_errors import Unavailable
from functions.runtime import event_stream
from functions.runtime.event_stream import EventStream, Frame, Read
from functions.runtime.tests.planting import Client, Plant, Rests

COUNT = """
    from functions.runtime.event_stream import EventStream, Frame, Read
    from functions.runtime.providers.streaming import StreamRequest

    class Number(Reply):
        number: int

    @endpoint("GET", "/numbers")
    def read_numbers(asked: StreamRequest) -> Number | EventStream:
        if not asked.wanted:
            return Number(number=0)

        def read(after: int) -> Read:
            return Read([Frame('{"number": %d}' % (after + 1), id=after + 1)], until=after + 1)

        return EventStream(read, after=asked.last_event_id or 0)
"""
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def numbers(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(event_stream, "SECONDS", 0.5)
    monkeypatch.setattr(event_stream, "REST_SECONDS", 0.01)
    return plant(read_numbers=COUNT)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html, */*;q=0.8"])
def test_who_does_not_ask_for_a_stream_gets_the_reply(numbers: Client, accept: str) -> None:
    answer = numbers.get("/numbers", headers={"Accept": accept})
    assert (answer.content_type, answer.json) == ("application/json", {"number": 0})


@pytest.mark.parametrize(("headers", "first"), [({}, 1), ({"Last-Event-ID": "41"}, 42)])
def test_a_stream_goes_on_after_the_last_event_that_was_seen(
    numbers: Client, headers: dict[str, str], first: int
) -> None:
    answer = numbers.get("/numbers", headers=STREAM | headers)
    assert (answer.status_code, answer.content_type) == (200, "text/event-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    retry, *events, last = answer.text.split("\n\n")
    assert (retry, last) == ("retry: 500", "")
    assert events[0] == f'id: {first}\ndata: {{"number": {first}}}'
    assert [int(each.split()[1]) for each in events] == list(range(first, first + len(events)))


def test_who_asks_for_the_head_of_a_stream_does_not_wait_for_it(numbers: Client) -> None:
    answer = numbers.open("/numbers", method="HEAD", headers=STREAM)
    assert (answer.status_code, answer.content_type, answer.text) == (200, "text/event-stream", "")


def test_a_stream_rests_only_when_there_is_nothing_more_and_says_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0)
    rests: list[float] = []
    answers = iter([Read([Frame("1\n2", id=7, event="number")], 7, more=True), Read([], 9), Read([], 9)])
    parts = EventStream(lambda _: next(answers), after=3).parts(Rests(rests))
    assert [next(parts) for _ in range(2)] == [
        b"retry: 500\n\nid: 7\nevent: number\ndata: 1\ndata: 2\n\n",
        b":\n\n",
    ]
    assert rests == [event_stream.REST_SECONDS]


def test_a_stream_ends_when_nothing_comes_after_what_was_read() -> None:
    answers = iter([Read([], 3), Read([Frame("1")], 4, ended=True)])
    parts = EventStream(lambda _: next(answers), after=3).parts(Rests())
    assert list(parts) == [b"retry: 500\n\n", b"data: 1\n\n"]


def test_a_stream_knows_whether_its_reader_has_left() -> None:
    left: list[str] = []
    whole = EventStream(lambda _: Read([], 0, ended=True), after=0, on_leave=lambda: left.append("whole"))
    list(whole.parts(Rests()))
    cut = EventStream(lambda _: Read([], 0), after=0, on_leave=lambda: left.append("cut")).parts(Rests())
    next(cut)
    cut.close()
    assert left == ["cut"]


def test_a_stream_whose_source_is_away_ends_so_that_the_client_comes_again() -> None:
    def away(_after: int) -> Read:
        raise Unavailable

    assert list(EventStream(away, after=0).parts(Rests())) == [b"retry: 500\n\n"]
