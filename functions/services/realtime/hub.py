"""Who is connected, and who is sent what."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, Protocol

from functions.domain.api_errors import Unauthenticated
from functions.services.realtime import protocol
from functions.services.realtime.metrics import GatewayMetrics
from functions.services.realtime.protocol import CloseCode, CloseError, Heartbeat, Message, Missed, Stale
from functions.services.realtime.received_event import ReceivedEvent
from functions.services.realtime.recent import Recent

PER_ACCOUNT: Final = 10
"""Connections that an account may have at a time: tabs, and devices."""


class Listener(Protocol):
    """A connection, as the hub sees it."""

    account_id: str
    session_id: str
    key_id: str
    """The id of the key that signed the listener's token."""

    def wants(self, event: ReceivedEvent) -> bool:
        """Return whether the listener subscribed to this event, which it may see."""

    def offer(self, body: bytes) -> None:
        """Send a message as soon as its turn comes; never waits."""

    def end(self, close_error: CloseError) -> None:
        """End the connection, without waiting for it."""


class Hub:
    """All connections that have authenticated. All of it runs on the event loop's thread, and waits for nothing."""

    def __init__(self, metrics: GatewayMetrics) -> None:
        """Begin with nobody, and with no events arriving."""
        self.metrics = metrics
        self.attend: Callable[[bool], None] = lambda _: None
        """Called with True when a first listener wants everybody's events, with False when the last no longer does."""
        self._by_account: dict[str, set[Listener]] = {}
        self._by_session: dict[str, set[Listener]] = {}
        self._to_all: set[Listener] = set()
        self._recent = Recent()

    def join(self, listener: Listener) -> None:
        """Add a listener. Raises CloseError if its account has PER_ACCOUNT listeners already."""
        if len(self._by_account.get(listener.account_id, ())) >= PER_ACCOUNT:
            raise CloseError(CloseCode.TOO_MANY, "too_many_connections")
        _add(self._by_account, listener.account_id, listener)
        _add(self._by_session, listener.session_id, listener)
        self.metrics.listeners += 1

    def leave(self, listener: Listener) -> None:
        """Forget a listener that has joined."""
        self.receive_all(listener, wanted=False)
        _remove(self._by_account, listener.account_id, listener)
        _remove(self._by_session, listener.session_id, listener)
        self.metrics.listeners -= 1

    def change_session(self, listener: Listener, session_id: str) -> None:
        """Move a listener to another session, of which it has shown a token."""
        _remove(self._by_session, listener.session_id, listener)
        listener.session_id = session_id
        _add(self._by_session, session_id, listener)

    def receive_all(self, listener: Listener, *, wanted: bool) -> None:
        """Send a listener everybody's events, or only its own again."""
        before = bool(self._to_all)
        (self._to_all.add if wanted else self._to_all.discard)(listener)
        if before != bool(self._to_all):
            self.attend(not before)

    @property
    def live(self) -> bool:
        """Whether events arrive."""
        return self.metrics.live

    def receive(self, event: ReceivedEvent) -> None:
        """Hand an event to everybody who may see it and asked for it."""
        self.metrics.received += 1
        if self.live:
            self._recent.keep(event)
            for listener in self._entitled(event):
                if listener.wants(event):
                    listener.offer(event.body)
        if event.ended_session is not None:
            self.end_sessions({event.ended_session})

    def _entitled(self, event: ReceivedEvent) -> set[Listener]:
        own: set[Listener] = self._by_account.get(event.owner or "", set())
        return own | self._to_all

    def since(self, listener: Listener, event_id: str) -> list[ReceivedEvent] | None:
        """Return the events since another that a listener owns and subscribed to; None if some may be unknown."""
        found = self._recent.since(listener.account_id, event_id) if self.live else None
        return None if found is None else [each for each in found if listener.wants(each)]

    def sessions(self) -> list[str]:
        """Return the sessions of everybody who is connected."""
        return list(self._by_session)

    def end_sessions(self, session_ids: set[str]) -> None:
        """End the connections of sessions that have ended."""
        for session_id in session_ids:
            for listener in list(self._by_session.get(session_id, ())):
                listener.end(CloseError(CloseCode.UNAUTHENTICATED, "session_revoked"))

    def end_unless_signed_by(self, live_keys: frozenset[str]) -> None:
        """End the connections whose token is signed with a key that is no longer among these."""
        for listener in list(self._everybody()):
            if listener.key_id not in live_keys:
                listener.end(CloseError.of(Unauthenticated()))

    def interrupt(self) -> None:
        """Tell everybody that events don't arrive."""
        if self.live:
            self.metrics.live = False
            self.tell(Stale(since=datetime.now(UTC)))

    def go_live(self) -> None:
        """Tell everybody that events arrive again, and that some may have been missed."""
        self.metrics.live = True
        self.miss("interrupted")

    def miss(self, reason: str) -> None:
        """Tell everybody that events were missed."""
        # A client that comes back must not be told that it has missed nothing.
        self._recent.forget()
        self.metrics.missed += 1
        self.tell(Missed(reason=reason))

    def beat(self) -> None:
        """Tell everybody that the connection lives."""
        self.tell(Heartbeat(live=self.live))

    def tell(self, notice: Message) -> None:
        """Send a notice to everybody."""
        body = protocol.encode(notice)
        for listener in list(self._everybody()):
            listener.offer(body)

    def _everybody(self) -> Iterator[Listener]:
        for listeners in self._by_account.values():
            yield from listeners


def _add(index: dict[str, set[Listener]], key: str, listener: Listener) -> None:
    index.setdefault(key, set()).add(listener)


def _remove(index: dict[str, set[Listener]], key: str, listener: Listener) -> None:
    index[key].discard(listener)
    if not index[key]:
        del index[key]
