"""The events as they pass through RabbitMQ: a queue of this process' own, for as long as it is connected."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPError

from core.jitter import jittered
from events.broker import bus

log = logging.getLogger(__name__)

ResponseType = TypeVar("ResponseType")

LENGTH: Final = 20_000
LENGTH_BYTES: Final = 64 * 1024 * 1024
"""The events and bytes that may wait in the queue. Then the oldest go: whoever is slow must not slow publishers."""

DEPTH_SECONDS: Final = 1
"""How often the length of the queue is looked at."""

MAX_PAUSE: Final = 2.0
"""Seconds between two attempts to connect, at most."""

EVERYTHING: Final = "#"


class LostError(Exception):
    """The connection, the channel or the queue is gone; the message says why."""


class Feed:
    """Consumes on the event loop, connection after connection."""

    def __init__(
        self, user: str, types: Iterable[str], receive: Callable[[bytes], None], depth: Callable[[int], None]
    ) -> None:
        """Consume as `user`. `receive` is given every event of `types`; `depth` is told how many wait, every second."""
        self.types = sorted(types)
        self.everything = False
        """Whether events of all other types are wanted too."""
        self._user = user
        self._receive = receive
        self._depth = depth
        self._channel: Channel | None = None
        self._queue = ""
        self._gone: asyncio.Future[LostError] | None = None

    async def run(self, began: Callable[[], Awaitable[bool]], ended: Callable[[], None]) -> None:
        """Consume for ever. `began` is awaited once events arrive, again and again until it returns True."""
        pause = 0.1
        while True:
            connection: AsyncioConnection | None = None
            try:
                connection = await self._connect()
                await self._consume(connection)
                log.info("connected to event_bus")
                while not await self._or_gone(began()):
                    await self._or_gone(asyncio.sleep(DEPTH_SECONDS))
                pause = 0.1
                await self._watch()
            except (LostError, AMQPError, OSError) as error:
                log.warning("event_bus: %s; trying again", error)
            finally:
                self._channel = None
                ended()
                if connection is not None and connection.is_open:
                    connection.close()
            await asyncio.sleep(jittered(pause))
            pause = min(pause * 2, MAX_PAUSE)

    def want_everything(self, wanted: bool) -> "asyncio.Future[None]":
        """Hear every event from now on, or only those of the types again; return what is done once RabbitMQ knows.

        It is done at once while there is no connection, and never when the connection is lost meanwhile.
        """
        self.everything = wanted
        known: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._channel is not None and self._channel.is_open:
            change = self._channel.queue_bind if wanted else self._channel.queue_unbind
            change(self._queue, bus.EXCHANGE, EVERYTHING, callback=lambda _: known.set_result(None))
        else:
            known.set_result(None)
        return known

    async def _connect(self) -> AsyncioConnection:
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[AsyncioConnection] = loop.create_future()
        self._gone = loop.create_future()
        AsyncioConnection(
            bus.parameters(self._user, heartbeat=bus.HEARTBEAT),
            on_open_callback=opened.set_result,
            on_open_error_callback=lambda _, error: self._lose(f"can't be reached: {error!r}"),
            on_close_callback=lambda _, error: self._lose(f"ended the connection: {error!r}"),
            custom_ioloop=loop,
        )
        return await self._or_gone(opened)

    async def _consume(self, connection: AsyncioConnection) -> None:
        channel = await self._called(connection.channel, into="on_open_callback")
        channel.add_on_close_callback(lambda _, error: self._lose(f"closed the channel: {error!r}"))
        channel.add_on_cancel_callback(lambda _: self._lose("deleted the queue"))
        self._queue = f"botberi.{self._user}.{os.urandom(8).hex()}"
        limits = {"x-max-length": LENGTH, "x-max-length-bytes": LENGTH_BYTES, "x-overflow": "drop-head"}
        await self._called(channel.queue_declare, self._queue, exclusive=True, auto_delete=True, arguments=limits)
        for event_type in self.types:
            await self._called(channel.queue_bind, self._queue, bus.EXCHANGE, event_type)
        await self._called(channel.basic_consume, self._queue, self._take, auto_ack=True, exclusive=True)
        self._channel = channel
        if self.everything:
            self.want_everything(True)

    def _take(self, _channel: object, _method: object, _properties: object, body: bytes) -> None:
        self._receive(body)

    async def _watch(self) -> None:
        """Look at the length of the queue until it is gone."""
        channel = self._channel
        while channel is not None:
            found = await self._called(channel.queue_declare, self._queue, passive=True)
            self._depth(int(found.method.message_count))
            await self._or_gone(asyncio.sleep(DEPTH_SECONDS))

    async def _called(
        self, method: Callable[..., object], *arguments: object, into: str = "callback", **more: object
    ) -> Any:  # noqa: ANN401 - pika's
        """Call what takes a callback, and return what the callback is given."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        method(*arguments, **more, **{into: lambda given: None if answer.done() else answer.set_result(given)})
        return await self._or_gone(answer)

    async def _or_gone(self, wanted: Awaitable[ResponseType]) -> ResponseType:
        """Wait for something, or raise LostError when the connection is gone before."""
        assert self._gone is not None  # noqa: S101 - tells the type checker what _connect has made
        task: asyncio.Future[ResponseType] = asyncio.ensure_future(wanted)
        either: set[asyncio.Future[Any]] = {task, self._gone}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._gone.done():
            task.cancel()
            raise self._gone.result()
        return await task

    def _lose(self, why: str) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(LostError(why))
