"""Deliveries taken by hand: the same tags and bodies that pika finds, however the stream is cut, in the same order."""

from itertools import pairwise
from typing import Any, Final

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import frame, spec
from pika.channel import ContentFrameAssembler

from events.broker.deliveries import split

OURS: Final = 1
THEIRS: Final = 2

HEARTBEAT: Final = frame.Heartbeat().marshal()
ACKED: Final = frame.Method(OURS, spec.Basic.Ack(5)).marshal()


def frames(channel: int, tag: int, *pieces: bytes) -> list[bytes]:
    """Return the frames of a delivery, as pika writes them."""
    deliver: Any = spec.Basic.Deliver(
        "ctag1.x", tag, redelivered=tag % 2 == 0, exchange="e" * (tag % 9), routing_key="k"
    )
    properties = pika.BasicProperties(headers={"x-death": [{"count": 3}]}, content_type="text/plain")
    header = frame.Header(channel, sum(map(len, pieces)), properties)
    return [
        each.marshal() for each in (frame.Method(channel, deliver), header, *(frame.Body(channel, p) for p in pieces))
    ]


def read(*chunks: bytes) -> list[tuple[str, int, bytes]]:
    """Return who took the deliveries in a stream that arrives in chunks, with their tags and bodies."""
    found: list[tuple[str, int, bytes]] = []
    assemblers = {OURS: ContentFrameAssembler(), THEIRS: ContentFrameAssembler()}

    def by_pika(data: bytes) -> None:
        used, value = frame.decode_frame(data)
        assert used == len(data)
        if isinstance(value, frame.Header | frame.Body) or spec.has_content(
            getattr(value, "method", spec.Tx.Commit).INDEX
        ):
            whole: Any = assemblers[value.channel_number].process(value)  # type: ignore[union-attr, arg-type]  # a frame
            found.extend([("pika", whole[0].method.delivery_tag, whole[2])] if whole else [])

    rest = b""
    for chunk in chunks:
        rest = split(rest + chunk, {OURS: lambda tag, body: found.append(("hand", tag, body))}, by_pika)
    assert rest == b""
    return found


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=6), st.data())
def test_wherever_the_stream_is_cut_every_message_is_found(bodies: list[bytes], data: st.DataObject) -> None:
    stream = HEARTBEAT.join(b"".join(frames(OURS, tag, body)) for tag, body in enumerate(bodies, 1))
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4))), len(stream)]
    found = read(*(stream[start:end] for start, end in pairwise(cuts)))
    assert [(tag, body) for _, tag, body in found] == list(enumerate(bodies, 1))


def test_what_is_whole_is_taken_by_hand() -> None:
    stream = b"".join([*frames(OURS, 1, b"one"), HEARTBEAT, ACKED, *frames(OURS, 2, b"two")])
    assert read(stream) == [("hand", 1, b"one"), ("hand", 2, b"two")]


@pytest.mark.parametrize(
    ("kind", "stream"),
    [
        ("of a channel that nobody takes by hand", frames(THEIRS, 7, b"body")),
        ("in more than one frame", frames(OURS, 7, b"bo", b"dy")),
        ("with another frame in between", [*frames(OURS, 7, b"body")[:2], HEARTBEAT, frames(OURS, 7, b"body")[2]]),
    ],
)
def test_what_is_not_plain_is_left_to_pika(kind: str, stream: list[bytes]) -> None:
    after = frames(OURS, 8, b"next")
    assert read(b"".join([*stream, *after])) == [("pika", 7, b"body"), ("hand", 8, b"next")], kind


def test_what_has_no_body_is_left_to_pika() -> None:
    assert read(b"".join(frames(OURS, 7))) == [("pika", 7, b"")]


def test_the_protocol_that_the_server_would_speak_is_left_to_pika() -> None:
    told: list[bytes] = []
    assert split(b"AMQP\x00\x00\x09\x01", {}, told.append) == b""
    assert told == [b"AMQP\x00\x00\x09\x01"]
