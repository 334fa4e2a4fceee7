"""uvicorn's WebSocket, as the gateway needs it: it can be cut, says goodbye at SIGTERM, and tells how it ended."""

import asyncio
import logging
from http import HTTPStatus
from typing import Final

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, WebSocketScope
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from functions.services.realtime.protocol import CloseCode

log = logging.getLogger(__name__)

CLOSING_SECONDS: Final = 3
"""How long the client may take to answer a close code before its connection is cut."""

CUT: Final = 1006
"""The code of a connection that ended without one."""

_CONNECTION: Final = "connection"


class Connection(WebSocketsSansIOProtocol):
    """A client's connection, once its request for a WebSocket has come."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take what uvicorn makes a connection with."""
        super().__init__(config, server_state, app_state, _loop)
        self.close_timeout = CLOSING_SECONDS
        self.gone = asyncio.Event()

    async def run_asgi(self) -> None:
        """Run the application."""
        self.scope["state"][_CONNECTION] = self
        await super().run_asgi()

    def keepalive_timeout(self) -> None:
        """Cut the connection: the client has not answered a ping."""
        super().keepalive_timeout()
        self.transport.abort()

    def shutdown(self) -> None:
        """Send the close code of a gateway that stops, and cut the connection if the client doesn't answer in time."""
        if self.handshake_complete and not self.close_sent:
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.GOING_AWAY})
            self.conn.send_close(CloseCode.GOING_AWAY, "stopping")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.close_timer = self.loop.call_later(CLOSING_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application how the connection ended."""
        if self.conn.close_rcvd is None:
            # uvicorn's own says what a client says that gives no code.
            self.queue.put_nowait({"type": "websocket.disconnect", "code": CUT})
        super().connection_lost(exc)
        self.gone.set()


class DisconnectedError(Exception):
    """The other side has closed the connection, or it was lost."""

    def __init__(self, code: int) -> None:
        """`code` is the other side's, or CUT."""
        super().__init__(code)
        self.code = code


class Socket:
    """A connection, as its handler uses it."""

    def __init__(self, scope: WebSocketScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Use `accept` or `refuse` first."""
        self._connection: Connection = scope["state"][_CONNECTION]
        self._receive = receive
        self._send = send

    async def accept(self, subprotocol: str) -> None:
        """Complete the handshake."""
        await self._receive()
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

    async def refuse(self, status: HTTPStatus, text: str) -> None:
        """Answer that there won't be a WebSocket."""
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await self._send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self._send({"type": "websocket.http.response.body", "body": text.encode(), "more_body": False})
        await self.wait_closed()

    async def receive(self) -> str | bytes:
        """Return the next message, or raise DisconnectedError."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise DisconnectedError(message["code"] if message["type"] == "websocket.disconnect" else CUT)
        text = message.get("text")
        return message.get("bytes") or b"" if text is None else text

    async def send(self, body: bytes) -> None:
        """Send a text as soon as there is room for it, or raise DisconnectedError."""
        try:
            await self._send({"type": "websocket.send", "text": body.decode()})
        except (ClientDisconnected, RuntimeError):
            # The second is what uvicorn raises once the connection is being closed.
            raise DisconnectedError(CUT) from None

    async def close(self, code: CloseCode, reason: str) -> None:
        """Send a close code, or cut the connection if the client doesn't take it in time."""
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (ClientDisconnected, RuntimeError):
            pass
        except TimeoutError:
            self._connection.transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the connection has ended, and end it when the other side takes too long."""
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._connection.gone.wait()
        except TimeoutError:
            # uvicorn would wait until all is sent, which takes for ever when nobody reads.
            self._connection.transport.abort()
            await self._connection.gone.wait()
