"""A browser's tab, as far as a gateway can tell: opens the WebSocket, says who it is, and reads what comes."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from typing import Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jsonschema import Draft7Validator
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from functions.domain.accounts import access_tokens, keys
from functions.domain.accounts.access_tokens import SECOND_FACTOR, Authentication
from functions.services.realtime.protocol import PATH, SUBPROTOCOL
from provisioning.local_settings import ROOT
from tools.documents import Document

SECONDS: Final = 60
"""How long a test waits for what has to come."""

Heard = Document


class Tab:
    """One connection."""

    def __init__(self, port: int, token: str | None = None, after: int | None = None) -> None:
        """Open it, and with a token authenticate too."""
        self.closed: tuple[int, str] | None = None
        self.received: list[Heard] = []
        self._open = ExitStack()
        self.socket: ClientConnection = self._open.enter_context(connection(port))
        if token is not None:
            self.ready = self.authenticate(token, after)

    def authenticate(self, token: str, after: int | None = None) -> Heard:
        """Say who it is, and return what the gateway says to that; empty when it closes instead."""
        self.say({"authenticate": {"token": token} | ({} if after is None else {"after": after})})
        return self._said("ready")

    def subscribe(self, **subscription: object) -> Heard:
        """Ask for some events only, and return what the gateway says to that."""
        self.say({"subscribe": subscription})
        return self._said("subscribed")

    def _said(self, name: str) -> Heard:
        said: Heard = self.until(name).get(name, {})
        return said

    def say(self, message: object) -> None:
        """Send a message as JSON."""
        self.socket.send(json.dumps(message))

    def next(self, seconds: float = SECONDS) -> Heard | None:
        """Return the next message; None when there is none in time, or the connection has ended."""
        try:
            message: Heard = json.loads(self.socket.recv(seconds))
        except TimeoutError:
            return None
        except ConnectionClosed as ended:
            self.closed = (ended.rcvd.code, ended.rcvd.reason) if ended.rcvd else (1006, "")
            return None
        documented_errors(message)
        self.received.append(message)
        return message

    def until(self, wanted: str | Callable[[Heard], bool]) -> Heard:
        """Read until a message has a key, or fits; return it, or nothing when the connection ends before."""
        fits = (lambda message: wanted in message) if isinstance(wanted, str) else wanted
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.closed is None:
            message = self.next()
            if message is not None and fits(message):
                return message
        assert self.closed is not None, f"only {self.received} came"
        return {}

    def event(self, event_id: str) -> Heard:
        """Read until an event comes, and return it."""
        return cloudevent(self.until(lambda message: cloudevent(message).get("id") == event_id))

    @property
    def events(self) -> list[Heard]:
        """The events that have come, in their order."""
        return [cloudevent(each) for each in self.received if "event" in each]

    @property
    def numbers(self) -> list[int | None]:
        """The numbers of the events that have come."""
        return [each["event"]["sequence"] for each in self.received if "event" in each]

    def end(self) -> tuple[int, str]:
        """Read until the gateway closes; return code and reason."""
        self.until(lambda _: False)
        assert self.closed is not None
        return self.closed

    def close(self) -> None:
        """Say goodbye."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cloudevent(message: Heard) -> Heard:
    """Return the event in a message, or nothing if it is another."""
    found: Heard = message.get("event", {}).get("cloudevent", {})
    return found


def connection(port: int, path: str = PATH, protocol: str = SUBPROTOCOL) -> AbstractContextManager[ClientConnection]:
    """Return what opens a WebSocket when it is entered."""
    return connect(f"ws://127.0.0.1:{port}{path}", subprotocols=[Subprotocol(protocol)], proxy=None)


@cache
def _payload(name: str) -> Draft7Validator:
    document = json.loads((ROOT / "deploy/asyncapi/realtime.json").read_text())
    components = document["components"]
    return Draft7Validator(components["messages"][name]["payload"] | {"components": components})


def documented_errors(message: Heard) -> None:
    """Fail when a message isn't as the AsyncAPI document says."""
    _payload(next(iter(message))).validate(message)


def token(
    account: str = "usr_ada",
    *,
    session: str | None = None,
    scopes: tuple[str, ...] = ("user",),
    aal: int = SECOND_FACTOR,
) -> str:
    """Return a good access token for an account that need not exist."""
    return access_tokens.issue(account, session or f"ses_of_{account}", scopes, Authentication(aal, time.time()))


def signed(claims: Mapping[str, object], key: Ed25519PrivateKey | None = None, kid: str | None = None) -> str:
    """Return a token with these claims beside the usual ones, signed with another key than the right one if given."""
    named, right = keys.signing_key()
    usual = jwt.decode(token(), options={"verify_signature": False})
    headers = {"kid": kid or named, "typ": access_tokens.TYPE}
    return jwt.encode({**usual, **claims}, key or right, algorithm=keys.ALGORITHM, headers=headers)
