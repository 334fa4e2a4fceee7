"""Frames of AMQP 0-9-1, for what publishes and takes in messages without pika's objects."""

import struct
from typing import Final

FRAME: Final = struct.Struct(">BHI")
"""The head of every frame: kind, channel, size of the payload."""

METHOD, HEADER, BODY = 1, 2, 3
"""The kinds that a message is made of."""

END: Final = b"\xce"
"""What every frame ends with."""

OVERHEAD: Final = FRAME.size + len(END)
"""Bytes of a frame around its payload."""
