"""Frames of AMQP 0-9-1 by hand, for the two things that happen thousands of times a second.

pika makes three objects of a message that it publishes, which took most of the relay's time, and six of one that is
delivered, which took most of the dispatcher's. Its encoder and its decoder are the reference in tests.
"""

import struct
from collections.abc import Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Final, NamedTuple

from events.wire import CONTENT_TYPE

_FRAME: Final = struct.Struct(">BHI")
"""The head of every frame: kind, channel, size of the payload."""

_METHOD, _HEADER, _BODY = 1, 2, 3
"""The kinds that a message is made of."""

_END: Final = b"\xce"
"""What every frame ends with."""

_OVERHEAD: Final = _FRAME.size + len(_END)
"""Bytes of a frame around its payload."""

_CONTENT: Final = struct.Struct(">BHIHHQ")
"""A header's frame up to its properties: kind, channel, size; class, weight, size of the body."""

_FLAGS: Final = struct.pack(">H", 1 << 15 | 1 << 12 | 1 << 7 | 1 << 5)
"""The properties of what is published: content type, delivery mode, message id, type."""

_PERSISTENT: Final = b"\x02"

_MANDATORY: Final = b"\x01"

_DELIVER: Final = struct.pack(">HH", 60, 60)

_TAG: Final = struct.Struct(">Q")

Take = Callable[[int, bytes], None]
"""Takes the tag and the body of a delivery."""


class Message(NamedTuple):
    """A message to publish: persistent, mandatory."""

    exchange: str
    routing_key: str
    id: str
    type: str
    body: bytes


def publish(messages: Iterable[Message], channel: int, frame_max: int) -> bytes:
    """Return the frames that publish messages on a channel, the very bytes that pika would send."""
    parts: list[bytes] = []
    most = frame_max - _OVERHEAD
    for exchange, key, name, kind, body in messages:
        before, after = _constant(exchange, key, kind, channel)
        # Between these stands the message's id; class, weight and size of the body are 12 bytes.
        properties = _BEFORE_ID + _short(name) + after
        size = 12 + len(properties) - len(_END)
        parts += (before, _CONTENT.pack(_HEADER, channel, size, 60, 0, len(body)), properties)
        for start in range(0, len(body), most):
            piece = body[start : start + most]
            parts += (_FRAME.pack(_BODY, channel, len(piece)), piece, _END)
    return b"".join(parts)


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


_BEFORE_ID: Final = _FLAGS + _short(CONTENT_TYPE) + _PERSISTENT


@lru_cache(maxsize=1024)
def _constant(exchange: str, key: str, kind: str, channel: int) -> tuple[bytes, bytes]:
    """Return what all messages of a type share: the method's frame, and the end of the header's."""
    payload = struct.pack(">HHH", 60, 40, 0) + _short(exchange) + _short(key) + _MANDATORY
    return _FRAME.pack(_METHOD, channel, len(payload)) + payload + _END, _short(kind) + _END


def split(data: bytes, takers: MutableMapping[int, Take], other: Callable[[bytes], None]) -> bytes:
    """Hand deliveries that are whole in `data` to the takers of their channels; return what is left.

    Other methods, what is larger than a frame, and what has come in part is given to `other` frame by frame.
    """
    place, length = 0, len(data)
    while length - place >= _OVERHEAD:
        kind, channel, size = _FRAME.unpack_from(data, place)
        if kind == _METHOD and channel in takers and data.startswith(_DELIVER, place + _FRAME.size):
            found = _whole(data, place, channel, place + size + _OVERHEAD)
            if found is not None:
                tag, body, place = found
                takers[channel](tag, body)
                continue
        # The one thing that is no frame: RabbitMQ says which protocol it would speak, in eight bytes.
        end = place + (_OVERHEAD if data.startswith(b"AMQP", place) else size + _OVERHEAD)
        if end > length:
            break
        other(data[place:end])
        place = end
    return data[place:]


def _whole(data: bytes, method: int, channel: int, header: int) -> tuple[int, bytes, int] | None:
    """Return the tag and the body of a delivery in three frames, and where the next begins; None if it isn't that."""
    if header + _CONTENT.size > len(data):
        return None
    kind, same, size, _, _, length = _CONTENT.unpack_from(data, header)
    body = header + size + _OVERHEAD
    end = body + length + _OVERHEAD
    if kind != _HEADER or same != channel or end > len(data):
        return None
    if _FRAME.unpack_from(data, body) != (_BODY, channel, length):
        return None
    if not data[header - 1] == data[body - 1] == data[end - 1] == _END[0]:
        return None
    # Class, method, and the consumer's tag with its length in front of it, precede the delivery's.
    [tag] = _TAG.unpack_from(data, method + 12 + data[method + 11])
    return tag, data[body + _FRAME.size : end - 1], end
