"""How long the relay gathers: not at all for a few, and long enough for a page of those that come fast."""

import pytest

from events.relay.pace import Pace


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def reads(rate: float, seconds: float) -> list[int]:
    """Return what each read finds when events come at a rate."""
    clock = Clock()
    pace = Pace(clock)
    found: list[int] = []
    left, until = 0.0, clock.now + seconds
    while clock.now < until:
        pause = pace.pause(found[-1]) if found else 0.0
        waited = max(pause, 0.002)
        clock.now += waited
        left += rate * waited
        found.append(int(left))
        left -= int(left)
    return found


@pytest.mark.parametrize("rate", [1500, 3000, 10_000, 30_000])
def test_under_load_a_statement_reads_more_than_a_hundred_events(rate: float) -> None:
    found = reads(rate, 10)
    assert sum(found) / len(found) > 100


def test_an_event_now_and_then_waits_for_nobody() -> None:
    assert max(Pace(Clock()).pause(1) for _ in range(3)) < 0.001


def test_a_hundred_a_second_wait_a_few_milliseconds_at_most() -> None:
    found = reads(100, 10)
    assert max(found) == 1


def test_a_burst_is_not_a_rate() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.pause(20) < 0.001
    clock.now += 2
    assert pace.pause(20) < 0.001
