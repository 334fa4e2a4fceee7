"""Consuming: one connection to RabbitMQ, a channel for every queue, on a thread that does nothing slow."""

import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from core.jitter import jittered
from core.logs import said
from events.broker import bus
from events.broker.connection import Channel, Connection, Properties

log = logging.getLogger(__name__)

MAX_PAUSE: Final = 0.2
"""Seconds between two attempts to connect, at most."""

QUEUE_PAUSE: Final = 2.0
"""Seconds until a queue that isn't there, or is gone, is tried again."""

READY_PAUSE: Final = 0.2
"""Seconds until it is checked again whether a queue is ready."""


@dataclass(frozen=True)
class ConsumedQueue:
    """A queue to consume from."""

    queue: str
    prefetch: int
    """Messages that may be unsettled at a time."""
    deliver: Callable[[int, int, bytes, Properties | None], None]
    """Takes the tag, the connection's number, the body and the properties; must not block."""
    lost: Callable[[], None]
    """Called when everything delivered so far will be delivered again."""
    with_properties: bool = False
    """Whether `deliver` wants the properties, which take their time to decode; it may get None otherwise."""
    ready: Callable[[], bool] = lambda: True
    """Whether to consume yet: asked before every time that it is begun."""


class OpenChannel:
    """The channel of a queue, and what of its deliveries is settled: their tags are counted from 1."""

    def __init__(self, number: int, channel: Channel) -> None:
        """Take the number that tells this channel from its predecessors."""
        self.number = number
        self.channel = channel
        self._lowest = 1
        self._beyond: set[int] = set()

    def settle(self, handled: list[int], dead: list[int]) -> None:
        """Reject the dead, then acknowledge the handled: as many as possible with one frame."""
        for tag in dead:
            # Reject, not nack: from RabbitMQ 4.3 they differ, and this one has always meant the same.
            self.channel.basic_reject(tag, requeue=False)
        self._beyond.update(handled, dead)
        while self._lowest in self._beyond:
            self._beyond.remove(self._lowest)
            self._lowest += 1
        # The tag of `multiple` has to be one that is not settled yet, as RabbitMQ knows it.
        together = [tag for tag in handled if tag < self._lowest]
        if together:
            self.channel.basic_ack(max(together), multiple=True)
        for tag in handled:
            if tag >= self._lowest:
                self.channel.basic_ack(tag)


class Consumer(threading.Thread):
    """Consumes from every queue, connection after connection, until it is told to stop."""

    def __init__(self, consumed_queues: list[ConsumedQueue]) -> None:
        """Consume from `consumed_queues`."""
        super().__init__(name="consumer", daemon=True)
        self.consumed_queues = consumed_queues
        self.connected = False
        self.connects = 0
        """Times that it connected."""
        self.last_beat = time.monotonic()
        """When it last showed a sign of life, by the monotonic clock."""
        self.stopped = threading.Event()
        self._connection: Connection | None = None
        self._channels: dict[str, OpenChannel] = {}
        self._lock = threading.Lock()
        self._settled: dict[tuple[str, int], tuple[list[int], list[int]]] = {}
        self._numbers = itertools.count(1)

    def run(self) -> None:
        """Connect again and again."""
        pause = 0.1
        while not self.stopped.is_set():
            self.last_beat = time.monotonic()
            try:
                self._connection = Connection(
                    bus.parameters("dispatcher", heartbeat=bus.HEARTBEAT),
                    on_open_callback=self._on_open,
                    on_open_error_callback=lambda _, error: self._ended(f"can't be reached: {said(error)}"),
                    on_close_callback=lambda _, error: self._ended(f"ended the connection: {said(error)}"),
                )
                self._connection.ioloop.start()
            except Exception as error:  # noqa: BLE001 - whatever ends a connection, the next one may do better
                self._ended(f"connection failed: {said(error)}")
            pause = 0.1 if self.connected else min(pause * 2, MAX_PAUSE)
            self.connected = False
            self._channels.clear()
            for consumed_queue in self.consumed_queues:
                consumed_queue.lost()
            self.stopped.wait(jittered(pause))

    def settle(self, queue: str, tag: int, connection: int, *, handled: bool) -> None:
        """Acknowledge a delivery, or send it to the dead letters; from any thread."""
        self.settle_all(queue, [tag], connection, handled=handled)

    def settle_all(self, queue: str, tags: list[int], connection: int, *, handled: bool) -> None:
        """Settle several deliveries that came over one connection."""
        with self._lock:
            first = not self._settled
            self._settled.setdefault((queue, connection), ([], []))[0 if handled else 1].extend(tags)
        if first and self._connection is not None:
            # Once for all that are settled until it runs.
            self._connection.ioloop.add_callback_threadsafe(self._flush)

    def _flush(self) -> None:
        with self._lock:
            settled, self._settled = self._settled, {}
        for (queue, number), (handled, dead) in settled.items():
            open_channel = self._channels.get(queue)
            if open_channel is not None and open_channel.number == number and open_channel.channel.is_open:
                open_channel.settle(handled, dead)

    def stop(self, seconds: float) -> None:
        """Close the connection; what is unsettled will be delivered to another."""
        self.stopped.set()
        if self._connection is not None:
            self._connection.ioloop.add_callback_threadsafe(partial(_close, self._connection))
        self.join(timeout=seconds)

    def _ended(self, what: str) -> None:
        if not self.stopped.is_set():
            log.warning("event_bus %s; trying again", what)
        if self._connection is not None:
            self._connection.ioloop.stop()

    def _on_open(self, connection: Connection) -> None:
        self.connected = True
        self.connects += 1
        self._beat(connection)
        connection.read_much()
        log.info("connected to event_bus; %s queues", len(self.consumed_queues))
        for consumed_queue in self.consumed_queues:
            self._open(connection, consumed_queue)

    def _beat(self, connection: Connection) -> None:
        self.last_beat = time.monotonic()
        if connection.is_open:
            connection.ioloop.call_later(1.0, partial(self._beat, connection))

    def _open(self, connection: Connection, consumed_queue: ConsumedQueue) -> None:
        if not connection.is_open or self.stopped.is_set():
            return
        if consumed_queue.ready():
            connection.channel(on_open_callback=partial(self._on_channel, connection, consumed_queue))
        else:
            connection.ioloop.call_later(READY_PAUSE, partial(self._open, connection, consumed_queue))

    def _on_channel(self, connection: Connection, consumed_queue: ConsumedQueue, channel: Channel) -> None:
        number = next(self._numbers)
        self._channels[consumed_queue.queue] = OpenChannel(number, channel)
        # What was settled while there was no connection is of no use any more.
        self._flush()
        channel.add_on_close_callback(partial(self._on_channel_gone, connection, consumed_queue))
        channel.add_on_cancel_callback(lambda _: channel.close(0, "its queue is gone: `botberi topology` makes it"))
        channel.basic_qos(prefetch_count=consumed_queue.prefetch)
        if not consumed_queue.with_properties:
            connection.takers[channel.channel_number] = lambda tag, body: consumed_queue.deliver(
                tag, number, body, None
            )
        channel.basic_consume(
            consumed_queue.queue,
            lambda _channel, method, properties, body: consumed_queue.deliver(
                method.delivery_tag or 0, number, body, properties
            ),
        )

    def _on_channel_gone(
        self, connection: Connection, consumed_queue: ConsumedQueue, channel: Channel, error: Exception
    ) -> None:
        connection.takers.pop(channel.channel_number, None)
        if connection.is_open and not self.stopped.is_set():
            log.warning("no longer consuming from %s: %s; trying again", consumed_queue.queue, error)
            consumed_queue.lost()
            connection.ioloop.call_later(QUEUE_PAUSE, partial(self._open, connection, consumed_queue))


def _close(connection: Connection) -> None:
    if connection.is_open:
        connection.close()
    else:
        connection.ioloop.stop()
