"""One connection: who it is, what it asked for, and what waits to be sent to it."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Final

from events.event import TYPES
from functions.domain.api_errors import ApiError
from functions.runtime.providers import callers
from functions.runtime.providers.callers import Admin, User
from functions.services.realtime import protocol
from functions.services.realtime.account_events import AT_THE_END, News
from functions.services.realtime.admission import Admitted, admit
from functions.services.realtime.credentials import Credentials
from functions.services.realtime.feeds import Feeds
from functions.services.realtime.hub import Hub
from functions.services.realtime.protocol import (
    Authenticate,
    CloseCode,
    CloseError,
    Follow,
    FromClient,
    Heartbeat,
    Message,
    Missed,
    MissedReason,
    Ready,
    RunEnded,
    Subscribe,
    Subscribed,
    Unfollow,
)
from functions.services.realtime.run_events import Ending, RunEvent, RunReader
from functions.services.realtime.runs import Runs
from functions.services.realtime.websocket import DisconnectedError, Socket

log = logging.getLogger(__name__)

TOKEN_SECONDS: Final = 10
"""How long a connection may be open without a token."""

HEARTBEAT_SECONDS: Final = 20

RUNS: Final = 10
"""Runs that a connection may follow at a time."""

WAITING: Final = 256
"""Messages that may wait for a connection that is slower than what it is sent."""

ROOM: Final = 64
"""Messages that wait when no more of the account's events are taken: they are read again once half of it are sent."""

BEGIN_SECONDS: Final = 10
"""How long it may take until it is known where the account's events go on."""

SENDING_SECONDS: Final = 20
"""How long sending a message may take. Even a slow connection takes one of the largest in that time."""

MESSAGES: Final = 20
MESSAGES_PER_SECOND: Final = 1
"""Messages that a client may send at once, and in the long run."""


class Client:
    """A listener behind a WebSocket."""

    def __init__(self, socket: Socket, hub: Hub, credentials: Credentials, accounts: Feeds[News], runs: Runs) -> None:
        """Serve `socket` with `serve`."""
        self.account_id = ""
        self.credential_id = ""
        self.signed_by: str | None = None
        self.close_error: CloseError | None = None
        """The reason for which the gateway ended the connection; None unless it did."""
        self._socket = socket
        self._hub = hub
        self._credentials = credentials
        self._want = accounts.want
        self._sequence = AT_THE_END
        """The number up to which the account's events were taken."""
        self._head: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The number of the account's last event when the connection began."""
        self._caller: User | None = None
        self._subscription = Subscribe()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self._expiry: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._runs = runs
        self._readers: dict[str, RunReader] = {}
        """Those of runs that are followed, by the run."""
        self._allowance = float(MESSAGES)
        self._counted_at = time.monotonic()

    async def serve(self) -> None:
        """Have the client authenticate, then serve it to the end. Raises CloseError or DisconnectedError."""
        first = await self._first()
        admitted = await self._admit(first)
        self.account_id, self.credential_id = admitted.caller.id, admitted.credential_id
        self.signed_by = admitted.signed_by
        self._hub.join(self)
        writer = asyncio.create_task(self._write())
        try:
            await self._begin(admitted, first)
            while True:
                text = await self._socket.receive()
                self._count()
                await self._obey(protocol.decode(text))
        finally:
            self._hub.leave(self)
            for reader in self._readers.values():
                self._runs.leave(reader)
            writer.cancel()
            if self._expiry is not None:
                self._expiry.cancel()

    async def _first(self) -> Authenticate:
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                text = await self._socket.receive()
        except TimeoutError:
            raise CloseError(CloseCode.TOO_LATE, "authenticate_first") from None
        message = protocol.decode(text)
        if not isinstance(message, Authenticate):
            raise CloseError(CloseCode.UNAUTHENTICATED, "authenticate_first")
        return message

    async def _admit(self, message: Authenticate) -> Admitted:
        try:
            return await admit(message.token, self._credentials)
        except ApiError as api_error:
            raise CloseError.of(api_error) from None

    async def _begin(self, admitted: Admitted, message: Authenticate) -> None:
        """Say where the account's events go on, which they then do."""
        self._want(self.account_id)
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                head = await self._head
        except TimeoutError:
            raise CloseError(CloseCode.TRY_AGAIN_LATER, "events_unknown") from None
        self._sequence = head if message.after is None else message.after
        self._welcome(admitted)
        self._want(self.account_id)

    def _welcome(self, admitted: Admitted) -> None:
        """Answer that the token is good."""
        self._caller = admitted.caller
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_later(admitted.seconds_left, self.end, _EXPIRED)
        self.say(
            Ready(
                account_id=self.account_id,
                expires_at=datetime.fromtimestamp(admitted.expires_at, UTC),
                live=self._hub.live,
                sequence=self._sequence,
                heartbeat_seconds=HEARTBEAT_SECONDS,
            )
        )

    async def _obey(self, message: FromClient) -> None:
        if isinstance(message, Subscribe):
            await self._subscribe(message)
        elif isinstance(message, Follow):
            self._follow_run(message)
        elif isinstance(message, Unfollow):
            self.forget_run(message.run_id)
        else:
            await self._renew(message)

    async def _renew(self, message: Authenticate) -> None:
        admitted = await self._admit(message)
        if admitted.caller.id != self.account_id:
            raise CloseError(CloseCode.FORBIDDEN, "another_account")
        self._hub.change_credential(self, admitted.credential_id)
        self.signed_by = admitted.signed_by
        if self._subscription.all:
            _refuse_unless_admin(admitted.caller)
        self._welcome(admitted)

    async def _subscribe(self, subscription: Subscribe) -> None:
        unknown = sorted(set(subscription.types) - TYPES.keys())
        if unknown:
            raise CloseError(CloseCode.MALFORMED, f"event_type_unknown: {unknown[0]}")
        if subscription.all:
            _refuse_unless_admin(self._caller)
        self._subscription = subscription
        self._hub.receive_all(self, wanted=subscription.all)
        if subscription.all:
            await self._hub.attended()
        if subscription.after is not None:
            self._sequence = subscription.after
            self._want(self.account_id)
        told = subscription.model_dump(exclude={"after"})
        self.say(Subscribed(**told, sequence=self._sequence))

    def _follow_run(self, message: Follow) -> None:
        self.forget_run(message.run_id)
        if len(self._readers) >= RUNS:
            raise CloseError(CloseCode.TOO_MANY, "too_many_runs")
        sink = FollowedRun(message.run_id, self)
        reader = self._readers[message.run_id] = RunReader(message.run_id, self.account_id, message.after, sink)
        sink.reader = reader
        self._runs.join(reader)

    def forget_run(self, run_id: str) -> None:
        """Follow a run no more, if it is followed."""
        reader = self._readers.pop(run_id, None)
        if reader is not None:
            self._runs.leave(reader)

    def has_room(self) -> bool:
        """Return whether another event is taken at present."""
        return self._waiting.qsize() < ROOM

    def _count(self) -> None:
        now = time.monotonic()
        self._allowance = min(MESSAGES, self._allowance + (now - self._counted_at) * MESSAGES_PER_SECOND) - 1
        self._counted_at = now
        if self._allowance < 0:
            raise CloseError(CloseCode.TOO_MANY, "too_many_messages")

    def wants(self, event_type: str, subject: str) -> bool:
        """Return whether the client subscribed to events of a type about a subject."""
        return (not self._subscription.types or event_type in self._subscription.types) and (
            not self._subscription.subjects or subject in self._subscription.subjects
        )

    @property
    def place(self) -> int | None:
        """The number of the event after which its account's follow; None while too many messages wait."""
        return self._sequence if self.has_room() else None

    def follow(self, news: News) -> bool:
        """Take what follows its place, and return whether there may be more to take at once."""
        if self._sequence == AT_THE_END:
            if not self._head.done():
                self._head.set_result(news.head)
            return False
        for event in news.events:
            if event.sequence != self._sequence + 1:
                self._miss(MissedReason.FORGOTTEN, event.sequence - 1)
            if self.wants(event.type, event.subject):
                if self.place is None:
                    return False
                self.offer(event.body)
            self._sequence = event.sequence
        if not news.events and news.whole:
            self._miss(MissedReason.FORGOTTEN if news.head > self._sequence else MissedReason.UNKNOWN, news.head)
        return self._sequence < news.head

    def _miss(self, reason: MissedReason, sequence: int) -> None:
        """Say that the events up to a number are not there."""
        self._hub.metrics.missed += 1
        self._sequence = sequence
        self.say(Missed(reason=reason, sequence=sequence))

    def beat(self, *, live: bool) -> None:
        """Say that the connection lives, and whether events arrive."""
        if self._sequence != AT_THE_END:
            self.say(Heartbeat(live=live, sequence=self._sequence))

    def say(self, notice: Message) -> None:
        """Send a notice as soon as its turn comes."""
        self.offer(protocol.encode(notice))

    def offer(self, body: bytes) -> None:
        """Send a message as soon as its turn comes; end the connection when too many wait."""
        try:
            self._waiting.put_nowait(body)
        except asyncio.QueueFull:
            self.end(_TOO_SLOW)

    def end(self, close_error: CloseError) -> None:
        """End the connection, without waiting for it."""
        if self.close_error is None:
            self.close_error = close_error
            self._ending = asyncio.create_task(self._socket.close(close_error.code, close_error.reason))

    async def _write(self) -> None:
        try:
            while True:
                body = await self._waiting.get()
                if self._waiting.qsize() == ROOM // 2:
                    self._want(self.account_id)
                    for run_id in self._readers:
                        self._runs.want(run_id)
                async with asyncio.timeout(SENDING_SECONDS):
                    await self._socket.send(body)
                self._hub.metrics.sent += 1
        except TimeoutError:
            self.end(_TOO_SLOW)
        except DisconnectedError:
            # The reader notices too, and says how it ended.
            pass


class FollowedRun:
    """Where the events of a run go that a client follows."""

    reader: RunReader

    def __init__(self, run_id: str, client: Client) -> None:
        """Send them to `client`."""
        self._run_id = run_id
        self._client = client
        self.has_room = client.has_room

    def begin(self) -> None:
        """Wait for the events."""

    def bring(self, event: RunEvent) -> None:
        """Send an event as soon as its turn comes."""
        self._client.offer(protocol.framed(self._run_id, event))

    def finish(self, ending: Ending) -> None:
        """Say that nothing follows."""
        self._client.say(RunEnded(run_id=self._run_id, sequence=self.reader.sequence, reason=ending.value))
        self._client.forget_run(self._run_id)


_TOO_SLOW: Final = CloseError(CloseCode.TRY_AGAIN_LATER, "too_slow")
_EXPIRED: Final = CloseError(CloseCode.UNAUTHENTICATED, callers.TokenExpired.code)


def _refuse_unless_admin(caller: User | None) -> None:
    if caller is None or Admin.scope not in caller.scopes:
        raise CloseError(CloseCode.FORBIDDEN, "forbidden")
    if caller.authentication.aal < Admin.least_aal:
        raise CloseError(CloseCode.FORBIDDEN, callers.InsufficientAal.code)
