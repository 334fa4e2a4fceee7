"""Deliveries taken by hand: the same tags and bodies that pika finds, however the stream is cut, in the same order."""

from itertools import pairwise
from typing import Any, Final

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import frame, spec
from pika.channel import ContentFrameAssembler

from events.broker.frames import split

OURS: Final = 1
THEIRS: Final = 2

HEARTBEAT: Final = frame.Heartbeat().marshal()
ACKED: Final = frame.Method(OURS, spec.Basic.Ack(5)).marshal()


NOTHING: Final = pika.BasicProperties(headers={"x-death": [{"count": 3}]}, content_type="text/plain")


def frames(
    channel: int, tag: int, *pieces: bytes, properties: pika.BasicProperties = NOTHING, key: str = "k"
) -> list[bytes]:
    """Return the frames of a delivery, as pika writes them."""
    deliver: Any = spec.Basic.Deliver(
        "ctag1.x", tag, redelivered=tag % 2 == 0, exchange="e" * (tag % 9), routing_key=key
    )
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


short = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
values = st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | short | st.lists(short, max_size=3)
properties = st.builds(
    pika.BasicProperties,
    content_type=st.none() | short,
    headers=st.none() | st.dictionaries(short, values, max_size=4),
    message_id=st.none() | short,
    priority=st.none() | st.integers(0, 255),
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, list[bytes], list[bytes]]:
    """Return the tag of a delivery, the pieces of its body, and its frames with others in between."""
    channel = draw(st.sampled_from([OURS, OURS, OURS, THEIRS]))
    pieces = draw(st.lists(st.binary(min_size=1, max_size=200), max_size=3))
    tag = draw(st.integers(1, 2**63))
    found = frames(channel, tag, *pieces, properties=draw(properties), key=draw(short))
    for other in draw(st.lists(st.sampled_from([HEARTBEAT, ACKED]), max_size=2)):
        # Within a message other frames are those of other channels.
        place = draw(st.integers(0, len(found))) if other == HEARTBEAT else 0
        found.insert(place, other)
    return tag, pieces, found


@given(st.lists(deliveries(), min_size=1, max_size=6), st.data())
def test_wherever_the_stream_is_cut_every_message_is_found(
    sent: list[tuple[int, list[bytes], list[bytes]]], data: st.DataObject
) -> None:
    stream = b"".join(each for _, _, found in sent for each in found)
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4))), len(stream)]
    found = read(*(stream[start:end] for start, end in pairwise(cuts)))
    assert [(tag, body) for _, tag, body in found] == [(tag, b"".join(pieces)) for tag, pieces, _ in sent]


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=6), properties, short)
def test_what_is_plain_is_taken_by_hand(bodies: list[bytes], given: pika.BasicProperties, key: str) -> None:
    stream = b"".join(b"".join(frames(OURS, tag, body, properties=given, key=key)) for tag, body in enumerate(bodies))
    assert read(stream) == [("hand", tag, body) for tag, body in enumerate(bodies)]


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
