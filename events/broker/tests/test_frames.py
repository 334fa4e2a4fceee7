"""The frames that are written by hand are, byte for byte, those of pika."""

import pika
from hypothesis import given, settings
from hypothesis import strategies as st
from pika import frame, spec

from events.broker.frames import Message, publish
from events.wire import CONTENT_TYPE


def by_pika(message: Message, channel: int, frame_max: int) -> bytes:
    body, most = message.body, frame_max - 8
    properties = pika.BasicProperties(
        content_type=CONTENT_TYPE, delivery_mode=2, message_id=message.id, type=message.type
    )
    method = spec.Basic.Publish(exchange=message.exchange, routing_key=message.routing_key, mandatory=True)
    frames: list[frame.Frame] = [
        frame.Method(channel, method),
        frame.Header(channel, len(body), properties),
        *(frame.Body(channel, body[start : start + most]) for start in range(0, len(body), most)),
    ]
    return b"".join(each.marshal() for each in frames)


FRAME_MAX = st.integers(4096, 131_072)
name = st.text(st.characters(exclude_categories=["Cs"]), max_size=255).filter(lambda text: len(text.encode()) < 256)
messages = st.builds(Message, name, name, name, name, st.binary())


@given(st.lists(messages), st.integers(1, 65535), FRAME_MAX)
def test_a_page_is_what_pika_would_send(page: list[Message], channel: int, frame_max: int) -> None:
    assert publish(page, channel, frame_max) == b"".join(by_pika(each, channel, frame_max) for each in page)


@settings(max_examples=50)
@given(FRAME_MAX, st.integers(0, 8), st.integers(-2, 2))
def test_a_body_is_cut_where_pika_cuts_it(frame_max: int, whole: int, beside: int) -> None:
    message = Message("e", "k", "evt_1", "t", b"x" * max(0, whole * (frame_max - 8) + beside))
    assert publish([message], 1, frame_max) == by_pika(message, 1, frame_max)
