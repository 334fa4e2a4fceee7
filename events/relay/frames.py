"""Basic.Publish by hand: a page of records as one buffer of AMQP 0-9-1 frames.

pika marshals three objects a message and sends each frame by itself, which took most of the relay's time. These are the
very bytes that it would send: its encoder is the reference in a test.
"""

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from events.broker import bus
from events.broker.amqp import BODY, END, FRAME, HEADER, METHOD, OVERHEAD
from events.relay.outbox_records import OutboxRecord
from events.wire import CONTENT_TYPE

_HEADER: Final = struct.Struct(">BHIHHQH")
"""Of a header frame: kind, channel, size; class 60, weight 0, size of the body, which properties follow."""

_CONTENT_TYPE_DELIVERY_MODE_MESSAGE_ID_TYPE: Final = 1 << 15 | 1 << 12 | 1 << 7 | 1 << 5

_PERSISTENT: Final = b"\x02"

_MANDATORY: Final = b"\x01"


def publish(records: Iterable[OutboxRecord], channel: int, frame_max: int) -> bytes:
    """Return the frames that publish `records` on a channel: persistent, mandatory."""
    parts: list[bytes] = []
    limit = frame_max - OVERHEAD
    for record in records:
        exchange, key = (bus.EXCHANGE, record.type) if record.recipient is None else ("", record.recipient)
        before, after = _constant(exchange, key, record.type, channel)
        name, body = record.id.encode(), record.event.encode()
        # Class, weight, body's size and flags are 14 bytes; the message's id has its length in front of it.
        size = 14 + len(_BEFORE_ID) + 1 + len(name) + len(after) - 1
        flags = _CONTENT_TYPE_DELIVERY_MODE_MESSAGE_ID_TYPE
        parts += (before, _HEADER.pack(HEADER, channel, size, 60, 0, len(body), flags), _BEFORE_ID)
        parts += (bytes((len(name),)), name, after)
        for start in range(0, len(body), limit):
            piece = body[start : start + limit]
            parts += (FRAME.pack(BODY, channel, len(piece)), piece, END)
    return b"".join(parts)


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


_BEFORE_ID: Final = _short(CONTENT_TYPE) + _PERSISTENT


@lru_cache(maxsize=1024)
def _constant(exchange: str, key: str, event_type: str, channel: int) -> tuple[bytes, bytes]:
    """Return what all messages of a type share: the method's frame, and the end of the header's."""
    payload = struct.pack(">HHH", 60, 40, 0) + _short(exchange) + _short(key) + _MANDATORY
    return FRAME.pack(METHOD, channel, len(payload)) + payload + END, _short(event_type) + END
