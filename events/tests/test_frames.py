"""The frames that are written by hand are, byte for byte, those of pika."""

import pika
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pika import frame, spec

from events.broker import bus
from events.relay.frames import publish
from events.relay.outbox_records import OutboxRecord
from events.wire import CONTENT_TYPE


def by_pika(record: OutboxRecord, channel: int, frame_max: int) -> bytes:
    exchange, key = (bus.EXCHANGE, record.type) if record.recipient is None else ("", record.recipient)
    body, limit = record.event.encode(), frame_max - 8
    properties = pika.BasicProperties(
        content_type=CONTENT_TYPE, delivery_mode=2, message_id=record.id, type=record.type
    )
    frames: list[frame.Frame] = [
        frame.Method(channel, spec.Basic.Publish(exchange=exchange, routing_key=key, mandatory=True)),
        frame.Header(channel, len(body), properties),
        *(frame.Body(channel, body[start : start + limit]) for start in range(0, len(body), limit)),
    ]
    return b"".join(each.marshal() for each in frames)


name = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)
records = st.builds(
    OutboxRecord,
    seq=st.integers(1),
    id=name,
    type=name,
    event=st.text(st.characters(exclude_categories=["Cs"])),
    recipient=st.none() | name,
    attributes=st.just(0),
    sound=st.just(True),
)


@given(st.lists(records), st.integers(1, 65535), st.integers(4096, 131072))
@settings(deadline=None)
def test_a_page_is_what_pika_would_send(page: list[OutboxRecord], channel: int, frame_max: int) -> None:
    assert publish(page, channel, frame_max) == b"".join(by_pika(each, channel, frame_max) for each in page)


@pytest.mark.parametrize("size", [0, 1, 4087, 4088, 4089, 8176, 8177, 1_000_000])
def test_a_body_is_cut_where_pika_cuts_it(size: int) -> None:
    record = OutboxRecord(1, "evt_1", "com.botberi.agent.created.v1", "x" * size, None, 0, sound=True)
    assert publish([record], 1, 4096) == by_pika(record, 1, 4096)
