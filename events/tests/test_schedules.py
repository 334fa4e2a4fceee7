"""When schedules are due, whatever the clocks on the wall do; the present is a parameter."""

from datetime import UTC, datetime, timedelta

import pytest

from events.schedules import NotAScheduleError, Schedule

BERLIN = "Europe/Berlin"
"""In 2026 the hour from 2:00 is skipped on the 29th of March, and comes twice on the 25th of October."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def slots(expression: str, timezone: str, start: str, end: str) -> list[str]:
    """Return the slots after `start` and up to `end`, in local time, found by asking from each to the next."""
    schedule, now, found = Schedule("x", "t", expression, timezone), at(start), []
    while (now := schedule.around(now)[1]) <= at(end):
        found.append(now)
    return [each.astimezone(at(start).tzinfo).isoformat() for each in found]


def test_every_five_minutes_is_before_and_after_now() -> None:
    found = Schedule("x", "t", "*/5 * * * *", "UTC").around(at("2026-05-01T10:07:30+00:00"))
    assert found == (at("2026-05-01T10:05:00+00:00"), at("2026-05-01T10:10:00+00:00"))


def test_a_slot_that_is_now_is_due() -> None:
    now = at("2026-05-01T10:05:00+00:00")
    assert Schedule("x", "t", "*/5 * * * *", "UTC").around(now)[0] == now


def test_the_hour_is_that_of_the_time_zone() -> None:
    found = slots("30 8 * * MON", BERLIN, "2026-03-22T00:00:00+00:00", "2026-04-06T23:00:00+00:00")
    assert found == ["2026-03-23T07:30:00+00:00", "2026-03-30T06:30:00+00:00", "2026-04-06T06:30:00+00:00"]


def test_what_falls_into_the_skipped_hour_comes_right_after_it_and_once() -> None:
    found = slots("30 2 * * *", BERLIN, "2026-03-28T12:00:00+00:00", "2026-03-30T12:00:00+00:00")
    assert found == ["2026-03-29T01:00:00+00:00", "2026-03-30T00:30:00+00:00"]


def test_what_falls_into_the_hour_that_comes_twice_comes_once() -> None:
    found = slots("30 2 * * *", BERLIN, "2026-10-24T12:00:00+00:00", "2026-10-26T12:00:00+00:00")
    assert found == ["2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_every_half_hour_is_every_half_hour_through_both(day: str) -> None:
    found = slots("*/30 * * * *", BERLIN, f"{day}T00:00:00+00:00", f"{day}T03:00:00+00:00")
    assert found == [
        (at(f"{day}T00:00:00+00:00") + timedelta(minutes=30 * number)).isoformat() for number in range(1, 7)
    ]


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        (BERLIN, "2026-03-29"),
        (BERLIN, "2026-10-25"),
        ("America/St_Johns", "2026-11-01"),
        ("America/Santiago", "2026-09-06"),
        ("Africa/Casablanca", "2026-03-22"),
    ],
)
@pytest.mark.parametrize("expression", ["30 2 * * *", "0 */3 * * *", "*/20 1-3 * * *", "15 0,3 * * SUN"])
def test_all_who_look_at_whatever_moment_count_the_same_slots(zone: str, change: str, expression: str) -> None:
    schedule, seen = Schedule("x", "t", expression, zone), set[datetime]()
    for minutes in range(-60 * 30, 60 * 30, 37):
        before, after = schedule.around(at(f"{change}T03:00:00+00:00") + timedelta(minutes=minutes))
        assert before is not None
        assert before < after
        seen |= {before, after}
    assert all(schedule.around(slot)[0] == slot for slot in seen)


def test_a_leap_day_is_found_from_years_away() -> None:
    before, after = Schedule("x", "t", "0 0 29 2 *", "UTC").around(at("2026-05-01T00:00:00+00:00"))
    assert (before, after) == (at("2024-02-29T00:00:00+00:00"), at("2028-02-29T00:00:00+00:00"))


@pytest.mark.parametrize(
    ("expression", "zone"), [("* * *", "UTC"), ("61 * * * *", "UTC"), ("0 0 * * *", "Mars/Olympus")]
)
def test_what_is_no_schedule_is_refused_by_its_name(expression: str, zone: str) -> None:
    with pytest.raises(NotAScheduleError, match="prune"):
        Schedule("prune", "t", expression, zone).around(datetime.now(UTC))
