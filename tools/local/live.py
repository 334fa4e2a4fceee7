"""Events as they happen, printed beside a conversation: each message of the gateway in short."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from pydantic import JsonValue
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from functions.services.realtime import protocol
from tools.documents import Document
from tools.local.errors import LocalError
from tools.local.transcript import Transcript

SHOWN: Final = ("desired_state", "status", "message")
"""What is printed of an event's data."""


class Live:
    """The events that a user receives over a WebSocket."""

    def __init__(self, socket: ClientConnection, tell: Callable[[str], None]) -> None:
        """Use `following`."""
        self.socket = socket
        self.tell = tell

    def show_until(self, status: str, *, seconds: float = 30) -> None:
        """Print what comes until an instance has that status."""
        end = time.monotonic() + seconds
        while self._receive(end - time.monotonic()).get("data", {}).get("status") != status:
            pass

    def say(self, message: dict[str, JsonValue]) -> None:
        """Send a message."""
        self.socket.send(json.dumps(message))

    def _receive(self, seconds: float) -> Document:
        try:
            message: Document = json.loads(self.socket.recv(seconds))
        except (TimeoutError, WebSocketException) as error:
            text = f"nothing more comes over the WebSocket: {error}"
            raise LocalError(text) from None
        event: Document = message.get("event", {}).get("cloudevent", {})
        if event:
            data = event["data"]
            about = "  ".join(f"{field}: {data[field]}" for field in SHOWN if field in data)
            self.tell(f"  < {event['type']}  {about}\n")
        return event


@contextmanager
def following(it: Transcript, who: tuple[str, str]) -> Iterator[Live]:
    """Open a WebSocket at the conversation's address; `who` is a name for the token, and the token."""
    # ws for http, and wss for https.
    address = f"ws{it.address.removeprefix('http')}{protocol.PATH}"
    it.tell(f"$ websocket {address} {protocol.SUBPROTOCOL}\n")
    it.tell(f'  > {{"authenticate": {{"token": "${who[0]}"}}}}\n')
    try:
        with connect(address, subprotocols=[Subprotocol(protocol.SUBPROTOCOL)], proxy=None) as socket:
            live = Live(socket, it.tell)
            live.say({"authenticate": {"token": who[1]}})
            it.tell(f"  < {socket.recv(30)!s}\n")
            yield live
    except (OSError, WebSocketException) as error:
        message = f"{address} doesn't answer: {error}"
        raise LocalError(message) from None
