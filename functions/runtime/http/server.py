"""uvicorn, as a container needs it: several addresses, a calm tick, time limits, and an end without losses."""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from wsgiref.types import WSGIApplication

import uvicorn
from typing_extensions import override
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .adapter import Adapter, Problem
from .protocol import Connection, Limits

log = logging.getLogger(__name__)

_TICK: Final = 1
"""Seconds. uvicorn's own wakes ten times as often, in each of forty containers."""


class Server(uvicorn.Server):
    """One process, which serves until SIGTERM or SIGINT."""

    def __init__(
        self,
        application: ASGI3Application,
        problem: Problem,
        limits: Limits = Connection.limits,
        websocket: type[asyncio.Protocol] | None = None,
        connection: type[HttpToolsProtocol] = Connection,
    ) -> None:
        """`problem` makes the response to what can't be read; `websocket` is for an application that speaks it.

        `connection` is a kind of `Connection`.
        """
        self._grace = limits.grace
        super().__init__(
            uvicorn.Config(
                application,
                http=type("Answering", (connection,), {"problem": staticmethod(problem), "limits": limits}),
                ws=websocket or "none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                workers=1,
                loop="asyncio",
                interface="asgi3",
            )
        )
        self._stopped = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and succeed: uvicorn would raise it again in the end."""
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, self.stop)
        yield

    def stop(self) -> None:
        """Tell the server to stop; it doesn't wait until it has."""
        self.should_exit = True
        self._stopped.set()

    async def wait_to_stop(self) -> None:
        """Wait until the server is told to stop."""
        await self._stopped.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen and accept connections."""
        for each in sockets or ():
            # Connections inherit it. asyncio would see to it only for sockets that were made with a protocol's number,
            # and without it the second of two writes waits for the client's acknowledgement of the first: 40 ms.
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await super().startup(sockets)

    def protocol(self) -> asyncio.Protocol:
        """Return what answers on a connection that comes by another way than the sockets that this listens on."""
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def main_loop(self) -> None:
        """Run `on_tick` every second until the server is told to stop."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self.wait_to_stop()

    async def on_tick(self, counter: int) -> bool:
        """Cut the connections whose time is over, and return whether the server shall stop."""
        self._enforce()
        return await super().on_tick(counter)

    def _enforce(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.enforce(now)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept the connections that wait, refuse later ones, and wait until the requests under way have ended."""
        for _ in range(3):
            # Each turn of the event loop accepts whoever waits.
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if await self._has_ended(self._grace):
            return
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # Who waited for a client has ended by now.
        if not await self._has_ended(1):
            log.error("%s requests took longer than %s s to end", len(self.server_state.tasks), self._grace)
            logging.shutdown()
            # Threads can't be ended, and Python would wait for them.
            os._exit(1)

    async def _has_ended(self, seconds: float) -> bool:
        """Wait until nothing is under way, at most so long; return whether nothing is."""
        end = asyncio.get_running_loop().time() + seconds
        while self.server_state.connections or self.server_state.tasks:
            if asyncio.get_running_loop().time() > end:
                return False
            await asyncio.sleep(0.05)
            self._enforce()
        return True


def listening(address: str) -> socket.socket:
    """Return a socket that listens on `address` (`host:port`)."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=2048)


def serve(
    make: Callable[[], WSGIApplication],
    addresses: Iterable[str],
    *,
    threads: int,
    problem: Problem,
    limits: Limits = Connection.limits,
) -> None:
    """Serve the application that `make` builds on `addresses` (`host:port`) until SIGTERM; then drain and return."""
    # As the first process of a container this one ignores SIGTERM until something handles it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = Server(Adapter(make(), threads, problem), problem, limits)
    started = time.monotonic()
    server.run([listening(each) for each in addresses])
    log.info("stopped after %.0f s", time.monotonic() - started)
