"""A stream of events, as a client reads it that knows nothing but the standard."""

import pytest

from functions.domain.api_errors import Unavailable
from functions.runtime import event_stream
from functions.runtime.event_stream import EventStream, Read
from functions.runtime.tests.planting import Client, Plant
from functions.schemas.base import Reply

COUNT = """
    from functions.runtime.event_stream import EventStream, Read
    from functions.runtime.providers.streaming import StreamRequest

    class Number(Reply):
        number: int

    @endpoint("GET", "/numbers")
    def read_numbers(asked: StreamRequest) -> Number | EventStream:
        if not asked.wanted:
            return Number(number=0)

        def read(after: int) -> Read:
            return Read([(after + 1, Number(number=after + 1))], until=after + 1)

        return EventStream(read, after=asked.last_event_id or 0)
"""
STREAM = {"Accept": "text/event-stream"}


class Number(Reply):
    number: int


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


def test_a_stream_rests_only_when_there_is_nothing_more_and_says_that_it_goes_on() -> None:
    rests: list[float] = []
    answers = iter([Read([(7, Number(number=7))], 7, more=True), Read([], 9), Read([], 9)])
    parts = EventStream(lambda _: next(answers), after=3).parts(rests.append)
    assert [next(parts) for _ in range(3)] == [b"retry: 500\n\n", b'id: 7\ndata: {"number": 7}\n\n', b":\n\n"]
    assert rests == [event_stream.REST_SECONDS]


def test_a_stream_whose_source_is_away_ends_so_that_the_client_comes_again() -> None:
    def away(_after: int) -> Read:
        raise Unavailable

    assert list(EventStream(away, after=0).parts(lambda _: None)) == [b"retry: 500\n\n"]
