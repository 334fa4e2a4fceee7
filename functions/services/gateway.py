"""`python -m functions.services.gateway --bind ADDRESS:PORT`: what happens to what is theirs, to browsers.

Any number may run, and nothing is kept in one: the events of an account are numbered in Postgres, and whoever was away
is sent what they missed from there. It starts without RabbitMQ and Postgres, waits for them, and keeps its connections
while they are away.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import time
from functools import partial
from http import HTTPStatus
from typing import Final

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope, WebSocketScope

from core import context, logs, monitoring
from core.configuration import secret, setting
from core.monitoring import Monitored
from events import wire
from events.broker.feed import LENGTH, Feed
from events.catalog.load import load
from functions.domain.api_errors import ApiError
from functions.runtime import problems
from functions.runtime.http.protocol import Limits
from functions.runtime.http.server import Server, listening
from functions.runtime.providers import callers
from functions.services.realtime import account_events, metrics, protocol, run_streams
from functions.services.realtime.client import HEARTBEAT_SECONDS, Client
from functions.services.realtime.credentials import Credentials
from functions.services.realtime.feeds import Feeds
from functions.services.realtime.hub import Hub, Source
from functions.services.realtime.metrics import GatewayMetrics
from functions.services.realtime.protocol import CloseCode, CloseError, MissedReason
from functions.services.realtime.received_event import ENDS, parse
from functions.services.realtime.run_streams import RunStream
from functions.services.realtime.runs import Runs
from functions.services.realtime.websocket import CLOSING_SECONDS, CUT, Connection, DisconnectedError, Socket

log = logging.getLogger(__name__)

CONNECTIONS: Final = 5000
"""The default of the setting GATEWAY_CONNECTIONS."""

HANDSHAKE_SECONDS: Final = 10
"""How long a client may take to ask for its WebSocket."""

_READING: Final = ("GET", "HEAD")

NOTHING_HERE: Final = "There is nothing here; a token belongs into a message.\n"


class Gateway:
    """The hub, what feeds it, and the server around it."""

    def __init__(self, limit: int) -> None:
        """Serve at most `limit` connections at a time."""
        self.limit = limit
        self.metrics = GatewayMetrics()
        self.hub = Hub(self.metrics)
        self.credentials = Credentials(self.hub.credentials, self.hub.end_credentials)
        self.accounts = Feeds(account_events.KIND, self.hub, self.metrics)
        self.runs = Runs(self.metrics)
        self.feed = Feed("gateway", ENDS, self._receive, self._see_depth)
        self.hub.attend = self.feed.want_everything
        self._tried = {source: asyncio.Event() for source in Source}
        """Each is set when events arrive for the first time from there, or it is known that they don't."""
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
        """Note how many events wait; once they are few again, tell that some of others' may have been missed.

        The length is looked at every second: a queue that was half full may have overflowed in between.
        """
        self.metrics.waiting = waiting
        deep = waiting >= LENGTH // 2
        if deep and not self._deep:
            log.warning("%s events wait in the gateway's queue: they come faster than they can be handed on", waiting)
        if self._deep and not deep:
            self.hub.miss(MissedReason.OVERFLOWED)
        self._deep = deep

    async def _begin(self, source: Source) -> bool:
        """Hand events on once it is known what has ended while none arrived; return whether they are."""
        known = await self.credentials.check()
        if known:
            self.hub.go_live(source)
            if source is Source.EVENT_BUS:
                self.hub.miss(MissedReason.INTERRUPTED)
        self._tried[source].set()
        return known

    def _end(self, source: Source) -> None:
        """Tell that no events arrive from there any more, or that they couldn't be had."""
        self.hub.interrupt(source)
        self._tried[source].set()

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

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer a request: the ASGI application."""
        if scope["type"] == "websocket":
            await self._handle(scope, Socket(scope, receive, send))
        elif scope["type"] == "http" and run_streams.PATH.fullmatch(scope["path"]) and scope["method"] in _READING:
            await self._stream(RunStream(scope, receive, send))
        else:
            text = NOTHING_HERE.encode()
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
            await send({"type": "http.response.start", "status": HTTPStatus.NOT_FOUND, "headers": headers})
            await send({"type": "http.response.body", "body": text, "more_body": False})

    async def _handle(self, scope: WebSocketScope, socket: Socket) -> None:
        if scope["path"] != protocol.PATH or scope["query_string"]:
            await socket.refuse(HTTPStatus.NOT_FOUND, NOTHING_HERE)
        elif protocol.SUBPROTOCOL not in scope["subprotocols"]:
            await socket.refuse(HTTPStatus.BAD_REQUEST, f"Offer the subprotocol {protocol.SUBPROTOCOL}.\n")
        elif self._is_full:
            await socket.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections: try again shortly.\n")
        else:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            with context.entered(context.Context.start(headers.get("traceparent"))):
                await self._serve(socket, headers.get("x-forwarded-for"))

    async def _stream(self, stream: RunStream) -> None:
        with context.entered(context.Context.start(stream.headers.get("traceparent"))):
            started = time.monotonic()
            try:
                await stream.serve(self.hub, self.credentials, self.runs, full=self._is_full)
            finally:
                self.metrics.sent += stream.sent
                about = {**_who(stream), "status": stream.status, "events": stream.sent}
                log.info("streamed", extra={**about, "seconds": round(time.monotonic() - started, 1)})

    @property
    def _is_full(self) -> bool:
        return self.metrics.connections + self.metrics.streams >= self.limit

    async def _serve(self, socket: Socket, address: str | None) -> None:
        self.metrics.connections += 1
        started = time.monotonic()
        client = Client(socket, self.hub, self.credentials, self.accounts, self.runs)
        code = CUT
        try:
            await socket.accept(protocol.SUBPROTOCOL)
            await client.serve()
        except CloseError as close_error:
            client.end(close_error)
        except DisconnectedError as disconnected:
            code = disconnected.code
        except Exception:
            log.exception("a connection has to end because of a bug")
            client.end(CloseError(CloseCode.BUG, "bug"))
        finally:
            await socket.wait_closed()
            self.metrics.connections -= 1
            code = client.close_error.code if client.close_error else code
            self.metrics.closed[code] += 1
            about = {**_who(client), "address": address}
            seconds = round(time.monotonic() - started, 1)
            why = {"code": int(code), "reason": client.close_error.reason if client.close_error else None}
            log.info("closed", extra={**about, **why, "seconds": seconds})

    async def _try(self, server: Server) -> None:
        """Return when it is known whether events arrive, or the server is told to stop.

        Those who were connected to the gateway before this one come all at once. Let in earlier, they would read the
        API at once, and again when events arrive.
        """
        either = {asyncio.create_task(self._know()), asyncio.create_task(server.wait_to_stop())}
        _, others = await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        for each in others:
            each.cancel()

    async def _know(self) -> None:
        for tried in self._tried.values():
            await tried.wait()

    async def _let_go(self, server: Server) -> None:
        """End streams when the server stops: their readers go on elsewhere."""
        await server.wait_to_stop()
        self.hub.close_streams()

    async def run(self, address: str) -> None:
        """Serve until SIGTERM."""
        limits = Limits(idle=HANDSHAKE_SECONDS, grace=CLOSING_SECONDS)
        server = Server(self, problems.of_request, limits, websocket=Connection)
        server.config.ws_max_size = protocol.MAX_MESSAGE
        server.config.ws_ping_interval = server.config.ws_ping_timeout = HEARTBEAT_SECONDS
        # It would take some 300 kB for each connection, to make messages of 700 bytes smaller.
        server.config.ws_per_message_deflate = False
        work = [
            asyncio.create_task(self.credentials.run()),
            asyncio.create_task(
                self.feed.run(partial(self._begin, Source.EVENT_BUS), partial(self._end, Source.EVENT_BUS))
            ),
            asyncio.create_task(
                self.accounts.run(partial(self._begin, Source.SHARED_PSQL), partial(self._end, Source.SHARED_PSQL))
            ),
            asyncio.create_task(self.runs.run()),
            asyncio.create_task(self._beat()),
            asyncio.create_task(self._let_go(server)),
        ]
        for task in work:
            # Only a bug ends one of them by itself.
            task.add_done_callback(lambda _: server.stop())
        sockets = [listening(address)]
        with server.capture_signals():
            await self._try(server)
        await server.serve(sockets)
        for task in work:
            if task.done():
                task.result()
            task.cancel()
        log.info("stopped")


def _who(connection: Client | RunStream) -> dict[str, str | None]:
    """Return whose connection it is, for the log."""
    return {"account": connection.account_id or None, "credential": connection.credential_id or None}


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="gateway", description=__doc__)
    parser.add_argument("--bind", default="0.0.0.0:8040", help="ADDRESS:PORT", metavar="ADDRESS:PORT")
    address = parser.parse_args().bind
    logs.configure("gateway")
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    for name in ("jwt-public-keys", "shared-psql-gateway", "event-bus-gateway", "user-redis-gateway"):
        secret(name)
    _raise_limit()
    asyncio.run(_run(address))


async def _run(address: str) -> None:
    with contextlib.suppress(ApiError):
        # Loads what checks tokens, before anybody waits for it.
        callers.claims("")
    # The types that a client may ask for.
    load()
    gateway = Gateway(int(setting("GATEWAY_CONNECTIONS", str(CONNECTIONS))))
    monitored = Monitored(
        metrics.FAMILIES, gateway.metrics.samples, gateway.metrics.health_problem, gateway.metrics.readiness_problem
    )
    monitoring.serve(monitored)
    await gateway.run(address)
    logging.shutdown()
    # To take thousands of connections apart one by one would take longer than there is time to stop.
    os._exit(0)


def _raise_limit() -> None:
    """Let the process open as many files as the system allows: every connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
