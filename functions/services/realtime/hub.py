"""Who is connected, and who is sent what."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final, Protocol, TypeVar

from functions.domain.api_errors import Unauthenticated
from functions.runtime.providers.callers import ApiKeyInvalid, SessionRevoked
from functions.services.realtime import protocol
from functions.services.realtime.account_events import News, framed
from functions.services.realtime.credentials import is_key
from functions.services.realtime.metrics import GatewayMetrics
from functions.services.realtime.protocol import (
    CloseCode,
    CloseError,
    Message,
    Missed,
    MissedReason,
    Resumed,
    Stale,
)
from functions.services.realtime.received_event import ReceivedEvent

C = TypeVar("C")

PER_ACCOUNT: Final = 10
"""Connections that an account may have at a time: tabs, and devices."""

ATTENDED_SECONDS: Final = 2
"""How long it may take until everybody's events arrive; if RabbitMQ is away, it is said when they do."""


class Source(Enum):
    """What events come from."""

    EVENT_BUS = auto()
    """RabbitMQ, by which sessions and API keys end at once, and through which administrators see everybody's events."""
    SHARED_PSQL = auto()
    """Postgres, where the events of each account are numbered."""


class Connection(Protocol):
    """Somebody whose token or API key is good, for as long as it is."""

    account_id: str
    credential_id: str
    """The id of the session, or of the API key."""
    signed_by: str | None
    """The id of the key that signed the token; None for an API key."""

    def end(self, close_error: CloseError) -> None:
        """End the connection, without waiting for it."""


class Stream(Connection, Protocol):
    """A connection over which nothing is said but what it asked for at its beginning."""

    def close(self) -> None:
        """End the stream, which can be gone on with elsewhere."""


class Listener(Connection, Protocol):
    """A connection that hears what happens."""

    @property
    def place(self) -> int | None:
        """The number of the event after which its account's follow; None while it takes none."""

    def wants(self, event_type: str, subject: str) -> bool:
        """Return whether the listener subscribed to events of a type about a subject."""

    def follow(self, news: News) -> bool:
        """Take what follows its place, and return whether there may be more to take at once."""

    def offer(self, body: bytes) -> None:
        """Send a message as soon as its turn comes; never waits."""

    def beat(self, *, live: bool) -> None:
        """Say that the connection lives, and whether events arrive."""


class Hub:
    """All connections that have authenticated. All of it runs on the event loop's thread, and waits for nothing."""

    def __init__(self, metrics: GatewayMetrics) -> None:
        """Begin with nobody, and with no events arriving."""
        self.metrics = metrics
        self.attend: Callable[[bool], asyncio.Future[None] | None] = lambda _: None
        """Called with True when a first listener wants everybody's events, with False when the last no longer does."""
        self._attended: asyncio.Future[None] | None = None
        self._by_account: dict[str, set[Listener]] = {}
        self._by_credential: dict[str, set[Connection]] = {}
        self._streams: dict[str, set[Stream]] = {}
        """By account."""
        self._to_all: set[Listener] = set()
        self._away = set(Source)

    def join(self, listener: Listener) -> None:
        """Add a listener. Raises CloseError if its account has PER_ACCOUNT listeners already."""
        if len(self._by_account.get(listener.account_id, ())) >= PER_ACCOUNT:
            raise CloseError(CloseCode.TOO_MANY, "too_many_connections")
        _add(self._by_account, listener.account_id, listener)
        _add(self._by_credential, listener.credential_id, listener)
        self.metrics.listeners += 1

    def leave(self, listener: Listener) -> None:
        """Forget a listener that has joined."""
        self.receive_all(listener, wanted=False)
        _remove(self._by_account, listener.account_id, listener)
        _remove(self._by_credential, listener.credential_id, listener)
        self.metrics.listeners -= 1

    @contextmanager
    def streaming(self, stream: Stream, most: int) -> Iterator[bool]:
        """Know of a stream meanwhile, and yield True; or yield False if its account has `most` of them already."""
        if len(self._streams.get(stream.account_id, ())) >= most:
            yield False
            return
        _add(self._streams, stream.account_id, stream)
        _add(self._by_credential, stream.credential_id, stream)
        self.metrics.streams += 1
        try:
            yield True
        finally:
            _remove(self._streams, stream.account_id, stream)
            _remove(self._by_credential, stream.credential_id, stream)
            self.metrics.streams -= 1

    def close_streams(self) -> None:
        """End every stream: the gateway stops."""
        for streams in self._streams.values():
            for stream in streams:
                stream.close()

    def change_credential(self, listener: Listener, credential_id: str) -> None:
        """Move a listener to another session, of which it has shown a token, or to an API key."""
        _remove(self._by_credential, listener.credential_id, listener)
        listener.credential_id = credential_id
        _add(self._by_credential, credential_id, listener)

    def receive_all(self, listener: Listener, *, wanted: bool) -> None:
        """Send a listener everybody's events, or only its own again."""
        before = bool(self._to_all)
        (self._to_all.add if wanted else self._to_all.discard)(listener)
        if before != bool(self._to_all):
            self._attended = self.attend(not before)

    async def attended(self) -> None:
        """Wait until what was asked of `attend` last is so, for two seconds at most."""
        if self._attended is not None:
            await asyncio.wait({self._attended}, timeout=ATTENDED_SECONDS)

    @property
    def live(self) -> bool:
        """Whether events arrive."""
        return self.metrics.live

    def feeds(self) -> list[str]:
        """Return the accounts that have listeners."""
        return list(self._by_account)

    def followers(self, account_id: str) -> list[Listener]:
        """Return those of an account."""
        return list(self._by_account.get(account_id, ()))

    def receive(self, event: ReceivedEvent) -> None:
        """Hand an event of RabbitMQ to those who want everybody's, and end a session or API key if it says so.

        What is a listener's own comes to it under its number, from elsewhere.
        """
        self.metrics.received += 1
        for listener in self._to_all:
            if event.owner != listener.account_id and listener.wants(event.type, event.subject):
                listener.offer(framed(None, event.body))
        if event.ended_credential is not None:
            self.end_credentials({event.ended_credential})

    def credentials(self) -> list[str]:
        """Return the ids of the sessions and API keys of everybody who is connected."""
        return list(self._by_credential)

    def end_credentials(self, credential_ids: set[str]) -> None:
        """End the connections of sessions and API keys that have ended."""
        for credential_id in credential_ids:
            why = CloseError.of(ApiKeyInvalid() if is_key(credential_id) else SessionRevoked())
            for connection in list(self._by_credential.get(credential_id, ())):
                connection.end(why)

    def end_unless_signed_by(self, live_keys: frozenset[str]) -> None:
        """End the connections whose token is signed with a key that is no longer among these."""
        for connection in [each for found in self._by_credential.values() for each in found]:
            if connection.signed_by is not None and connection.signed_by not in live_keys:
                connection.end(CloseError.of(Unauthenticated()))

    def interrupt(self, source: Source) -> None:
        """Tell everybody that events don't arrive, unless they know."""
        self._away.add(source)
        if self.live:
            self.metrics.live = False
            self.tell(Stale(since=datetime.now(UTC)))

    def go_live(self, source: Source) -> None:
        """Tell everybody that events arrive again, if no source is away any more."""
        self._away.discard(source)
        if not self._away and not self.live:
            self.metrics.live = True
            self.tell(Resumed())

    def miss(self, reason: MissedReason) -> None:
        """Tell those who want everybody's events that some were missed."""
        self.metrics.missed += 1
        for listener in self._to_all:
            listener.offer(protocol.encode(Missed(reason=reason, sequence=None)))

    def beat(self) -> None:
        """Tell everybody that the connection lives."""
        for listener in list(self._everybody()):
            listener.beat(live=self.live)

    def tell(self, notice: Message) -> None:
        """Send a notice to everybody."""
        body = protocol.encode(notice)
        for listener in list(self._everybody()):
            listener.offer(body)

    def _everybody(self) -> Iterator[Listener]:
        for listeners in self._by_account.values():
            yield from listeners


def _add(index: dict[str, set[C]], key: str, connection: C) -> None:
    index.setdefault(key, set()).add(connection)


def _remove(index: dict[str, set[C]], key: str, connection: C) -> None:
    index[key].discard(connection)
    if not index[key]:
        del index[key]
