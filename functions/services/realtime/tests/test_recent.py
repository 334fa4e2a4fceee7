from functions.services.realtime.received_event import ReceivedEvent
from functions.services.realtime.recent import KEPT, KEPT_SECONDS, REPLAYED, Recent


def occurred(number: int, *, owner: str | None = "usr_ada", source: str = "/botberi/shared_psql") -> ReceivedEvent:
    """Return an event that was received `number` seconds after the first."""
    return ReceivedEvent(f"evt_{number}", source, "t", "s", owner, None, b"", received_at=float(number))


def kept(*occurrences: ReceivedEvent) -> Recent:
    recent = Recent()
    for each in occurrences:
        recent.keep(each)
    return recent


def ids(found: list[ReceivedEvent] | None) -> list[str] | None:
    return None if found is None else [each.id for each in found]


def test_what_followed_is_remembered_in_its_order() -> None:
    recent = kept(occurred(1), occurred(2), occurred(3, owner="usr_bob"), occurred(4))
    assert ids(recent.since("usr_ada", "evt_1")) == ["evt_2", "evt_4"]
    assert ids(recent.since("usr_ada", "evt_4")) == []


def test_events_of_another_source_come_again_where_the_order_is_uncertain() -> None:
    other = "/botberi/user_psql"
    recent = kept(occurred(1, source=other), occurred(15, source=other), occurred(20), occurred(21, source=other))
    assert ids(recent.since("usr_ada", "evt_20")) == ["evt_15", "evt_21"]


def test_what_is_unknown_or_somebody_elses_or_too_much_is_not_remembered() -> None:
    recent = kept(occurred(1, owner="usr_bob"), occurred(2), occurred(3, owner=None))
    assert recent.since("usr_ada", "evt_0") is None
    assert recent.since("usr_ada", "evt_1") is None
    assert recent.since("usr_nobody", "evt_3") is None


def test_more_than_a_page_can_use_is_not_sent_again() -> None:
    many = [
        ReceivedEvent(f"evt_{n}", "/s", "t", "s", "usr_ada", None, b"", received_at=0.0) for n in range(REPLAYED + 2)
    ]
    assert kept(*many).since("usr_ada", "evt_0") is None
    assert len(kept(*many).since("usr_ada", "evt_1") or []) == REPLAYED


def test_old_events_are_forgotten() -> None:
    recent = kept(occurred(0), occurred(KEPT_SECONDS), occurred(KEPT_SECONDS + 1))
    assert recent.since("usr_ada", "evt_0") is None
    assert ids(recent.since("usr_ada", f"evt_{KEPT_SECONDS}")) == [f"evt_{KEPT_SECONDS + 1}"]


def test_so_many_are_kept_and_no_more() -> None:
    recent = kept(
        *(ReceivedEvent(f"evt_{n}", "/s", "t", "s", f"usr_{n}", None, b"", received_at=0.0) for n in range(KEPT + 1))
    )
    assert recent.since("usr_0", "evt_0") is None
    assert recent.since("usr_1", "evt_1") == []


def test_nothing_is_known_behind_a_gap() -> None:
    recent = kept(occurred(1), occurred(2))
    recent.forget()
    assert recent.since("usr_ada", "evt_1") is None
    recent.keep(occurred(3))
    assert ids(recent.since("usr_ada", "evt_3")) == []
