"""The reverse direction: what is addressed to Postgres becomes a NOTIFY there, each event once."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from events.broker import bus
from events.catalog.systems import NoticePosted
from events.tests.orders import Listener, order, send
from tools.harness.path import EventPath

Eventually = Callable[..., Any]


def test_an_event_of_another_system_becomes_a_notify_whole(
    path: EventPath, listener: Listener, eventually: Eventually
) -> None:
    send(path, order("whole"))
    eventually(lambda: listener.listen() == [order("whole")])


def test_the_same_event_again_and_again_is_one_notify(
    path: EventPath, listener: Listener, eventually: Eventually
) -> None:
    send(path, *[order("once")] * 5)
    send(path, order("once"), order("once", source="/other-shop"), order("last"))
    eventually(lambda: "order-last" in [event["id"] for event in listener.listen()])
    assert [(event["source"], event["id"]) for event in listener.received] == [
        ("/shop", "order-once"),
        ("/other-shop", "order-once"),
        ("/shop", "order-last"),
    ]


def test_an_event_addressed_over_the_outbox_goes_to_postgres_alone(
    path: EventPath, listener: Listener, eventually: Eventually
) -> None:
    sql = """select emit_event(:type, 'notice-9', '{"notice_id": "notice-9", "text": "t"}',
                                recipient => :to, channel => 'orders', source => '/example/crm')"""
    [[event_id]] = path.query(sql, role="broker", type=NoticePosted.type, to=bus.NOTIFY_QUEUE)
    eventually(lambda: [event["id"] for event in listener.listen()] == [event_id])
    assert "notice-9" not in path.recorder.subjects("receive-all")


def test_a_body_over_the_limit_stays_in_the_inbox(path: EventPath, listener: Listener, eventually: Eventually) -> None:
    data = {"agent_id": "agt_1", "slug": "x" * 9000}
    send(path, order("large", data=data))
    [event] = eventually(listener.listen)
    assert (event["dataref"], "data" in event) == ("inbox:order-large", False)
    kept = "select body->'data' from inbox where subscriber = 'notify' and id = 'order-large'"
    assert path.query(kept, role="subscribers") == [(data,)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"type": "com.botberi.thing.unheard_of.v1"}, "the catalog has no such type"),
        ({"data": {"agent_id": 7}}, "the data does not fit the event's schema"),
        ({"channel": "Robert;drop"}, "unsafe or reserved"),
        ({"channel": "events"}, "unsafe or reserved"),
        ({"channel": "x" * 64}, "unsafe or reserved"),
        ({"data": {"agent_id": "agt_1", "slug": "\x00"}}, "the character U+0000"),
        ({"subject": "\ud800"}, "not printable ASCII text"),
        ({"source": "".join(sha256(bytes([n])).hexdigest() for n in range(99))}, "exceeds btree"),
    ],
)
def test_what_can_not_be_a_notify_is_a_dead_letter_alone(
    path: EventPath, listener: Listener, eventually: Eventually, changes: dict[str, Any], why: str
) -> None:
    path.query("delete from inbox; delete from dead_letters")
    send(path, order("before"), order("spoilt", **changes), order("after"))
    eventually(lambda: [event["id"] for event in listener.listen()] == ["order-before", "order-after"])
    rows = eventually(lambda: path.query("select detail, queue from dead_letters where event_id = 'order-spoilt'"))
    assert why in rows[0][0]
    assert rows[0][1] == bus.NOTIFY_QUEUE


def test_a_thousand_events_are_taken_in_by_the_batch(path: EventPath, eventually: Eventually) -> None:
    # Held up in Postgres until all are there: otherwise the sizes of batches would tell how fast they came in.
    with path.held_open() as held:
        held.run("lock table inbox in exclusive mode")
        with path.broker() as connection:
            channel = connection.channel()
            # What RabbitMQ has not yet handed to the queue is dropped with the channel.
            channel.confirm_delivery()
            for number in range(1000):
                channel.basic_publish(bus.NOTIFY_EXCHANGE, "", json.dumps(order(f"many-{number}")).encode())
        eventually(lambda: path.depth(bus.NOTIFY_QUEUE) == 0)
    eventually(lambda: path.query("select count(*) from inbox where id like 'order-many-%'") == [(1000,)])
    [[batches]] = path.query("select count(distinct received) from inbox where id like 'order-many-%'")
    # One at a time would be a thousand.
    assert batches < 500
