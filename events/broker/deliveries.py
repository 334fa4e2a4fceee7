"""Basic.Deliver by hand: a message that is there as a whole is its tag and its body, and nothing else is looked at.

pika makes six objects of a message and copies what follows it three times, which took most of the dispatcher's time.
Whatever isn't such a message is still pika's: other methods, what is larger than a frame, what has come in part.
"""

import struct
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import pika
from pika import frame

from events.broker.amqp import BODY, END, FRAME, HEADER, METHOD, OVERHEAD

Take = Callable[[int, bytes], None]
"""Takes the tag and the body of a delivery."""

_AT_A_TIME: Final = 64 * 1024
"""Bytes that are read at a time; pika's own are 4 KiB, of which most is a message's half."""

_HEADER: Final = struct.Struct(">BHIHHQ")
"""Of a header frame: kind, channel, size; class, weight, size of the body."""

_TAG: Final = struct.Struct(">Q")

_DELIVER: Final = struct.pack(">HH", 60, 60)


class Deliveries(pika.SelectConnection):
    """A connection that consumes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - pika's
        """Connect as pika does."""
        self.takers: dict[int, Take] = {}
        """Who takes the deliveries of a channel; those of others have pika's way."""
        super().__init__(*arguments, **options)

    # What pika's stubs say nothing of makes `self` anything here.
    def read_much(self: Any) -> None:
        """Read more at a time from now on."""
        self._transport._MAX_RECV_BYTES = _AT_A_TIME  # noqa: SLF001 - pika has no setting for it

    def _on_data_available(self: Any, data_in: bytes) -> None:
        data = self._frame_buffer + data_in
        self._frame_buffer = rest = split(data, self.takers, self._take_frame)
        # By which pika knows that the peer is alive.
        self.bytes_received += len(data) - len(rest)

    def _take_frame(self: Any, data: bytes) -> None:
        _, value = frame.decode_frame(data)
        if value is not None:
            self._process_frame(value)


def split(data: bytes, takers: MutableMapping[int, Take], other: Callable[[bytes], None]) -> bytes:
    """Hand what is whole in `data` to the takers of its channel, or frame by frame to `other`; return what is left."""
    place, length = 0, len(data)
    while length - place >= OVERHEAD:
        kind, channel, size = FRAME.unpack_from(data, place)
        if kind == METHOD and channel in takers and data.startswith(_DELIVER, place + FRAME.size):
            found = _whole(data, place, channel, place + size + OVERHEAD)
            if found is not None:
                tag, body, place = found
                takers[channel](tag, body)
                continue
        # The one thing that is no frame: RabbitMQ says which protocol it would speak, in eight bytes.
        end = place + (OVERHEAD if data.startswith(b"AMQP", place) else size + OVERHEAD)
        if end > length:
            break
        other(data[place:end])
        place = end
    return data[place:]


def _whole(data: bytes, method: int, channel: int, header: int) -> tuple[int, bytes, int] | None:
    """Return the tag and the body of a delivery in three frames, and where the next begins; None if it isn't that."""
    if header + _HEADER.size > len(data):
        return None
    kind, same, size, _, _, length = _HEADER.unpack_from(data, header)
    body = header + size + OVERHEAD
    end = body + length + OVERHEAD
    if kind != HEADER or same != channel or end > len(data):
        return None
    if FRAME.unpack_from(data, body) != (BODY, channel, length):
        return None
    if not data[header - 1] == data[body - 1] == data[end - 1] == END[0]:
        return None
    # Class, method, and the consumer's tag with its length in front of it, precede the delivery's.
    [tag] = _TAG.unpack_from(data, method + 12 + data[method + 11])
    return tag, data[body + FRAME.size : end - 1], end
