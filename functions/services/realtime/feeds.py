"""Numbered events, read from shared_psql for everybody who follows: one question for many, when there is news.

Whoever follows is at a place in a feed, and what follows the place is handed on. Every so often all places are asked
for, in case news was missed: so news can be lost, and no event.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from core.jitter import jittered
from core.postgres.errors import Error
from core.postgres.session import Session
from functions.services.realtime.asker import Asker
from functions.services.realtime.metrics import GatewayMetrics

log = logging.getLogger(__name__)

PLACES: Final = 500
"""Places that one question is about."""

MOST_BYTES: Final = 4 * 1024 * 1024
"""Bytes of events that are read at a time, or one event."""

MAX_PAUSE: Final = 2.0
"""Seconds between two attempts, at most, while Postgres is away."""

Place = tuple[str, int]
"""A feed, and the number of the event after which somebody is in it."""

N = TypeVar("N")
N_contra = TypeVar("N_contra", contravariant=True)


@dataclass(frozen=True)
class Kind(Generic[N]):
    """A kind of feeds."""

    name: str
    read: Callable[[Session, Sequence[Place]], dict[Place, N]]
    """Asks for what follows places."""
    sweep_seconds: float
    """How often all places are asked for."""
    channel: str = ""
    """Where notifications of Postgres tell which feeds have news; empty if none do."""


class Follower(Protocol[N_contra]):
    """Somebody who follows a feed."""

    @property
    def place(self) -> int | None:
        """The number after which to go on; None while the follower takes nothing."""

    def follow(self, news: N_contra) -> bool:
        """Take what follows the place, and return whether there may be more to take at once."""


class Crowd(Protocol[N_contra]):
    """Everybody who follows."""

    def feeds(self) -> Iterable[str]:
        """Return the feeds that have followers."""

    def followers(self, feed: str) -> Iterable[Follower[N_contra]]:
        """Return those of a feed."""


class Feeds(Generic[N]):
    """Brings every follower the news of its feed. All of it runs on the event loop's thread."""

    def __init__(self, kind: Kind[N], crowd: Crowd[N], metrics: GatewayMetrics) -> None:
        """Ask for what follows the places of a crowd."""
        self._kind = kind
        self._crowd = crowd
        self._metrics = metrics
        self._wanted: set[str] = set()
        self._everybody = True
        self._news = asyncio.Event()
        self._asker = Asker(kind.name, channel=kind.channel, opened=self._sweep, heard=self._hear)

    def want(self, feed: str) -> None:
        """Look for news of a feed soon."""
        self._wanted.add(feed)
        self._news.set()

    def _hear(self, feeds: list[str]) -> None:
        if not feeds:
            self._sweep()
        for feed in feeds:
            if any(True for _ in self._crowd.followers(feed)):
                self.want(feed)

    def _sweep(self) -> None:
        self._everybody = True
        self._news.set()

    async def run(self, began: Callable[[], Awaitable[bool]], ended: Callable[[], None]) -> None:
        """Read for ever. `began` is awaited before events are handed on after it was started, or after an outage."""
        self._asker.start()
        pause, live = 0.1, False
        while True:
            try:
                live = live or await began()
                if live:
                    await self._round()
                    pause = 0.1
            except (Error, OSError, TimeoutError) as error:
                log.warning("shared_psql can't be asked for events: %s; trying again", error)
                live = False
            if live:
                await self._wait()
            else:
                ended()
                self._everybody = True
                await asyncio.sleep(jittered(pause))
                pause = min(pause * 2, MAX_PAUSE)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._kind.sweep_seconds):
                await self._news.wait()
        except TimeoutError:
            self._everybody = True

    async def _round(self) -> None:
        """Look once for all who are wanted."""
        self._news.clear()
        wanted, self._wanted = self._wanted, set()
        if self._everybody:
            self._everybody, wanted = False, set(self._crowd.feeds())
        places = self._places(wanted)
        for first in range(0, len(places), PLACES):
            found = await self._asker.ask(partial(self._read_of, places[first : first + PLACES]))
            self._metrics.reads[self._kind.name] += 1
            for place, news in found.items():
                self._hand_on(place, news)

    def _read_of(self, places: Sequence[Place], session: Session) -> dict[Place, N]:
        return self._kind.read(session, places)

    def _places(self, feeds: Iterable[str]) -> list[Place]:
        """Return where the followers of feeds are; those at one place are one."""
        places = ((feed, each.place) for feed in feeds for each in self._crowd.followers(feed))
        return list({(feed, place) for feed, place in places if place is not None})

    def _hand_on(self, place: Place, news: N) -> None:
        feed, after = place
        for follower in list(self._crowd.followers(feed)):
            # Whoever has gone elsewhere meanwhile isn't meant.
            if follower.place == after and follower.follow(news):
                self.want(feed)
