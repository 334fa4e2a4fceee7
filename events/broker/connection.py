"""pika's connection with what it has no way to do: publish and take messages as bytes, and reach its socket."""

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol, Self

import pika
from pika import channel, frame, spec

from events.broker import frames
from events.broker.frames import Message, Take

Channel = channel.Channel
Properties = spec.BasicProperties
Confirm = frame.Method[spec.Basic.Ack | spec.Basic.Nack]
Return = spec.Basic.Return

_AT_A_TIME: Final = 64 * 1024
"""Bytes that are read at a time; pika's own are 4 KiB, of which most is a message's half."""


class _Transport(Protocol):
    """What pika reads from and writes to."""

    _MAX_RECV_BYTES: int
    _sock: socket.socket


class Connection(pika.SelectConnection):
    """A connection that publishes and consumes."""

    # What pika's stubs say nothing of.
    params: pika.ConnectionParameters
    bytes_received: int
    _frame_buffer: bytes
    _transport: _Transport
    _output_marshaled_frames: Callable[[list[bytes]], None]
    _process_frame: Callable[[object], None]

    def __init__(
        self,
        parameters: pika.ConnectionParameters,
        *,
        on_open_callback: Callable[[Self], object],
        on_open_error_callback: Callable[[Self, BaseException], object],
        on_close_callback: Callable[[Self, BaseException], object],
    ) -> None:
        """Connect as pika does."""
        self.takers: dict[int, Take] = {}
        """Who takes the deliveries of a channel; those of others have pika's way."""
        super().__init__(
            parameters,
            on_open_callback=on_open_callback,
            on_open_error_callback=on_open_error_callback,
            on_close_callback=on_close_callback,
        )

    def read_much(self) -> None:
        """Read up to 64 KiB at a time from now on, instead of pika's 4 KiB."""
        self._transport._MAX_RECV_BYTES = _AT_A_TIME  # noqa: SLF001 - pika has no setting for it

    def publish(self, number: int, messages: Iterable[Message]) -> None:
        """Publish messages on the channel of a number in one write, where pika makes three for each."""
        self._output_marshaled_frames([frames.publish(messages, number, self.params.frame_max)])

    def give_up_after(self, milliseconds: int) -> None:
        """Let the kernel end the connection when what was sent is unacknowledged for so long; 0 is its own time."""
        self._transport._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)  # noqa: SLF001 - pika shows it nowhere

    def abort(self) -> None:
        """End the connection without a goodbye; from any thread."""
        with suppress(AttributeError, OSError):
            self._transport._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - the same

    def _on_data_available(self, data_in: bytes) -> None:
        data = self._frame_buffer + data_in
        self._frame_buffer = rest = frames.split(data, self.takers, self._take_frame)
        # By which pika knows that the peer is alive.
        self.bytes_received += len(data) - len(rest)

    def _take_frame(self, data: bytes) -> None:
        _, value = frame.decode_frame(data)
        if value is not None:
            self._process_frame(value)
