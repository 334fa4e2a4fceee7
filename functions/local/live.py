"""Events as they happen, printed beside a conversation: each message of the gateway in short."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from functions.local.errors import LocalError
from functions.local.ports import LOOPBACK
from functions.services.realtime import protocol

SHOWN: Final = ("desired_state", "status", "sentence")
"""What is printed of an event's data."""


class Live:
    """What somebody is told over a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        """Use `following`."""
        self.socket = socket

    def show_until(self, status: str, *, seconds: float = 30) -> None:
        """Print what comes until an instance has that status."""
        end = time.monotonic() + seconds
        while self._hear(end - time.monotonic()).get("data", {}).get("status") != status:
            pass

    def say(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self.socket.send(json.dumps(message))

    def _hear(self, seconds: float) -> dict[str, Any]:
        try:
            message: dict[str, Any] = json.loads(self.socket.recv(seconds))
        except (TimeoutError, WebSocketException) as error:
            text = f"nothing more comes over the WebSocket: {error}"
            raise LocalError(text) from None
        if "type" in message:
            data = message["data"]
            about = "  ".join(f"{field}: {data[field]}" for field in SHOWN if field in data)
            _write(f"  < {message['type']}  {about}\n")
        return message


@contextmanager
def following(port: int, who: tuple[str, str]) -> Iterator[Live]:
    """Open a WebSocket through the edge at `port`; `who` is a name for the token, and the token."""
    _write(f"$ websocket ws://localhost:{port}{protocol.PATH} {protocol.SUBPROTOCOL}\n")
    _write(f'  > {{"authenticate": {{"token": "${who[0]}"}}}}\n')
    address = f"ws://{LOOPBACK}:{port}{protocol.PATH}"
    try:
        with connect(address, subprotocols=[Subprotocol(protocol.SUBPROTOCOL)], proxy=None) as socket:
            live = Live(socket)
            live.say({"authenticate": {"token": who[1]}})
            _write(f"  < {socket.recv(30)!s}\n")
            yield live
    except (OSError, WebSocketException) as error:
        message = f"{address} doesn't answer: {error}"
        raise LocalError(message) from None


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
