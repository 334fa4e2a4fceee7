"""`python -m functions.services.gateway --bind ADDRESS:PORT`: events from RabbitMQ to browsers, over WebSockets.

Any number may run, each with a queue of its own that is gone when it is. It shows what happens and promises nothing:
the truth is the API's. It starts without RabbitMQ and Postgres, waits for them, and keeps its connections while they
are away.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import signal
import time
from http import HTTPStatus
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from core import context, logs, monitoring
from core.configuration import secret, setting
from core.monitoring import Monitored
from events import wire
from functions.domain.api_errors import ApiError
from functions.runtime.providers import callers
from functions.services.realtime import metrics, protocol
from functions.services.realtime.client import CLOSING_SECONDS, HEARTBEAT_SECONDS, Client
from functions.services.realtime.feed import LENGTH, Feed
from functions.services.realtime.hub import Hub
from functions.services.realtime.metrics import GatewayMetrics
from functions.services.realtime.protocol import CloseCode, CloseError
from functions.services.realtime.received_event import owned_types, parse
from functions.services.realtime.sessions import Sessions

log = logging.getLogger(__name__)

CONNECTIONS: Final = 5000
"""The default of the setting GATEWAY_CONNECTIONS."""

CUT: Final = 1006
"""The code of a connection that ended without one."""


class Gateway:
    """The hub, what feeds it, and the server around it."""

    def __init__(self, limit: int) -> None:
        """Take `limit` connections at a time."""
        self.limit = limit
        self.metrics = GatewayMetrics()
        self.hub = Hub(self.metrics)
        self.sessions = Sessions(self.hub.sessions, self.hub.end_sessions)
        self.feed = Feed(owned_types(), self._receive, self._see_depth)
        self.hub.attend = self.feed.want_everything
        self._deep = False
        self._keys: frozenset[str] = frozenset()

    def _receive(self, body: bytes) -> None:
        try:
            self.hub.receive(parse(body))
        except wire.NotAnEventError as error:
            log.warning("something that is no event came from event_bus: %s", error)
        except Exception:
            # Whatever is wrong with it, it must not end the feed.
            log.exception("an event was not handed on because of a bug")

    def _see_depth(self, waiting: int) -> None:
        """Take a queue that is half full for one that may have overflowed since the last look."""
        self.metrics.waiting = waiting
        deep = waiting >= LENGTH // 2
        if deep and not self._deep:
            log.warning("%s events wait in the gateway's queue: they come faster than they can be handed on", waiting)
        if self._deep and not deep:
            self.hub.miss("overflowed")
        self._deep = deep

    async def _begin(self) -> bool:
        """Events arrive; let them pass once it is known which sessions ended meanwhile."""
        if await self.sessions.check():
            self.hub.go_live()
        return self.hub.live

    async def _beat(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(1)
            self.metrics.last_beat = time.monotonic()
            self._look_at_keys()
            if self.metrics.last_beat - last >= HEARTBEAT_SECONDS:
                last = self.metrics.last_beat
                self.hub.beat()

    def _look_at_keys(self) -> None:
        try:
            live = callers.live_keys()
        except Exception as error:  # noqa: BLE001 - a secret that can't be read is no reason to send everybody away
            log.warning("the keys of access tokens can't be read: %r", error)
            return
        if live != self._keys:
            self._keys = live
            self.hub.end_unless_signed_by(live)

    async def handle(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        assert socket.request is not None  # noqa: S101 - tells the type checker what the handshake has left
        headers = socket.request.headers
        self.metrics.connections += 1
        started = time.monotonic()
        client = Client(socket, self.hub, self.sessions)
        with context.entered(context.Context.start(headers.get("traceparent"))):
            try:
                await client.serve()
            except CloseError as close_error:
                client.end(close_error)
            except ConnectionClosed:
                pass
            except Exception:
                log.exception("a connection has to end because of a bug")
                client.end(CloseError(CloseCode.BUG, "bug"))
            finally:
                await socket.wait_closed()
                self.metrics.connections -= 1
                # Of a connection that had to be cut the other side has said nothing.
                code = client.close_error.code if client.close_error else socket.close_code or CUT
                self.metrics.closed[code] += 1
                about = {"account": client.account_id or None, "address": headers.get("X-Forwarded-For")}
                seconds = round(time.monotonic() - started, 1)
                why = {"code": int(code), "reason": client.close_error.reason if client.close_error else None}
                log.info("closed", extra={**about, **why, "seconds": seconds})

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer what asks for no WebSocket of ours; None lets the handshake go on."""
        if request.path != protocol.PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, "There is nothing here; a token belongs into a message.\n")
        if self.metrics.connections >= self.limit:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections: try again shortly.\n")
        return None

    async def run(self, address: str, port: int) -> None:
        """Serve until SIGTERM."""
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        work = [
            asyncio.create_task(self.sessions.run()),
            asyncio.create_task(self.feed.run(self._begin, self.hub.interrupt)),
            asyncio.create_task(self._beat()),
        ]
        server = await self._serve(address, port)
        ended = asyncio.create_task(stopped.wait())
        await asyncio.wait({ended, *work}, return_when=asyncio.FIRST_COMPLETED)
        await _close(server)
        for task in work:
            # Only a bug ends one of them by itself.
            if task.done():
                task.result()
            task.cancel()
        log.info("stopped")

    async def _serve(self, address: str, port: int) -> Server:
        return await serve(
            self.handle,
            address,
            port,
            subprotocols=[Subprotocol(protocol.SUBPROTOCOL)],
            # It would take some 300 kB for each connection, to make messages of 700 bytes smaller.
            compression=None,
            process_request=self.answer,
            server_header=None,
            ping_interval=HEARTBEAT_SECONDS,
            ping_timeout=HEARTBEAT_SECONDS,
            close_timeout=CLOSING_SECONDS,
            max_size=protocol.MAX_MESSAGE,
            max_queue=4,
            backlog=1024,
        )


async def _close(server: Server) -> None:
    log.info("stopping; %s connections are open", len(server.connections))
    server.close(reason="stopping")
    try:
        async with asyncio.timeout(CLOSING_SECONDS):
            await server.wait_closed()
    except TimeoutError:
        cut = list(server.all_connections)
        log.info("%s connections did not say goodbye", len(cut))
        for connection in cut:
            connection.transport.abort()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="gateway", description=__doc__)
    parser.add_argument("--bind", default="0.0.0.0:8040", help="ADDRESS:PORT", metavar="ADDRESS:PORT")
    address, _, port = parser.parse_args().bind.rpartition(":")
    logs.configure("gateway")
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    # What it says below that holds the messages, and so tokens.
    logging.getLogger("websockets").setLevel(logging.WARNING)
    for name in ("jwt-public-keys", "shared-psql-gateway", "event-bus-gateway"):
        secret(name)
    _raise_limit()
    asyncio.run(_run(address, int(port)))


async def _run(address: str, port: int) -> None:
    with contextlib.suppress(ApiError):
        # Loads what checks tokens, before anybody waits for it.
        callers.claims("")
    gateway = Gateway(int(setting("GATEWAY_CONNECTIONS", str(CONNECTIONS))))
    monitored = Monitored(
        metrics.FAMILIES, gateway.metrics.samples, gateway.metrics.health_problem, gateway.metrics.readiness_problem
    )
    monitoring.serve(monitored)
    await gateway.run(address, port)
    logging.shutdown()
    # To take thousands of connections apart one by one would take longer than there is time to stop.
    os._exit(0)


def _raise_limit() -> None:
    """Let it open as many files as the system allows: every connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
