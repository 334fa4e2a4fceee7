"""Types that pause: what comes after an event that can't be published waits behind it, and leaves in order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from events.broker import bus
from events.catalog.agents import AgentChanged, AgentCreated
from tools.harness.path import RECEIVE_ALL, EventPath

Eventually = Callable[..., Any]

RECEIVED = RECEIVE_ALL.function
TOO_LARGE = "repeat('x', 5000)"

RESOLVE = """
select resolve_dead_letters(array(select dead_letter_id from parked_events where id = :id), :how, 'usr_1')
"""


@pytest.fixture(scope="module")
def pausing(quiet_path: EventPath) -> Iterator[EventPath]:
    start_relay(quiet_path)
    quiet_path.start("dispatcher")
    yield quiet_path
    quiet_path.stop()


def start_relay(path: EventPath) -> None:
    path.start("relay", BLOCKING_TYPES=f"{AgentCreated.type}, {AgentChanged.type}")


@contextmanager
def unroutable(path: EventPath) -> Iterator[str]:
    """Yield a type that no queue takes inside the `with` block."""
    with path.broker() as connection:
        channel = connection.channel()
        channel.queue_unbind(RECEIVE_ALL.queue, bus.EXCHANGE, "#")
        try:
            yield AgentChanged.type
        finally:
            channel.queue_bind(RECEIVE_ALL.queue, bus.EXCHANGE, "#")


def say(path: EventPath, subject: str, *, kind: str = AgentCreated.type, correlationid: str = "null") -> str:
    """Commit an event; it can be published if its correlationid is short and a queue takes its type."""
    data = "jsonb_build_object('agent_id', cast(:subject as text), 'slug', 's', 'fields', array['summary'])"
    sql = f"select emit_event(:kind, :subject, {data}, correlationid => {correlationid})"
    [[event_id]] = path.query(sql, kind=kind, subject=subject)
    return str(event_id)


def parked(path: EventPath, *ids: str) -> list[str]:
    """Return the reasons for which those of the events are parked that are."""
    sql = "select reason from parked_events where id = any(:ids) and resolution is null order by seq"
    return [reason for [reason] in path.query(sql, ids=list(ids))]


def test_later_events_of_the_subject_wait_and_those_of_others_do_not(
    pausing: EventPath, eventually: Eventually
) -> None:
    first = say(pausing, "agt_stuck", correlationid=TOO_LARGE)
    second, third = say(pausing, "agt_stuck"), say(pausing, "agt_stuck")
    other = say(pausing, "agt_free")
    eventually(lambda: pausing.recorder.received(RECEIVED, [other]))
    eventually(lambda: parked(pausing, first, second, third) == ["too_large", "behind", "behind"])
    assert pausing.recorder.received(RECEIVED, [second, third]) == []


def test_what_waited_leaves_in_order_when_the_first_is_discarded(pausing: EventPath, eventually: Eventually) -> None:
    first = say(pausing, "agt_dropped", correlationid=TOO_LARGE)
    rest = [say(pausing, "agt_dropped") for _ in range(5)]
    eventually(lambda: len(parked(pausing, *rest)) == 5)
    pausing.query(RESOLVE, id=first, how="discarded")
    last = say(pausing, "agt_dropped")
    eventually(lambda: len(pausing.recorder.received(RECEIVED, [*rest, last])) == 6)
    assert pausing.recorder.received(RECEIVED, [*rest, last]) == [*rest, last]
    assert parked(pausing, first, *rest, last) == []


def test_the_first_stays_in_front_when_it_is_redriven_in_vain(pausing: EventPath, eventually: Eventually) -> None:
    first = say(pausing, "agt_vain", correlationid=TOO_LARGE)
    second = say(pausing, "agt_vain")
    eventually(lambda: parked(pausing, first, second) == ["too_large", "behind"])
    pausing.query(RESOLVE, id=first, how="redriven")
    released = "select released is null from parked_events where id = :id"
    eventually(lambda: pausing.query(released, id=first) == [(True,)])
    assert parked(pausing, first, second) == ["too_large", "behind"]


def test_a_redriven_event_leaves_before_those_behind_it(pausing: EventPath, eventually: Eventually) -> None:
    with unroutable(pausing) as kind:
        first = say(pausing, "agt_unbound", kind=kind)
        rest = [say(pausing, "agt_unbound") for _ in range(3)]
        eventually(lambda: parked(pausing, first, *rest) == ["unroutable", "behind", "behind", "behind"])
    pausing.query(RESOLVE, id=first, how="redriven")
    last = say(pausing, "agt_unbound")
    eventually(lambda: len(pausing.recorder.received(RECEIVED, [first, *rest, last])) == 5)
    assert pausing.recorder.received(RECEIVED, [first, *rest, last]) == [first, *rest, last]


def test_what_waits_survives_the_relay(pausing: EventPath, eventually: Eventually) -> None:
    first, second = say(pausing, "agt_crash", correlationid=TOO_LARGE), say(pausing, "agt_crash")
    eventually(lambda: parked(pausing, first, second) == ["too_large", "behind"])
    pausing.kill("relay")
    third = say(pausing, "agt_crash")
    start_relay(pausing)
    eventually(lambda: parked(pausing, first, second, third) == ["too_large", "behind", "behind"])
    pausing.query(RESOLVE, id=first, how="discarded")
    eventually(lambda: pausing.recorder.received(RECEIVED, [second, third]) == [second, third])
