"""Hints of what happens in runs, by Redis: one subscription for each run that is read. Any may be lost.

Whoever appends to a run publishes what on the run's channel, once it has committed.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from core.jitter import jittered
from functions.runtime import redis_users

log = logging.getLogger(__name__)

PREFIX: Final = "runs:"
"""What a channel's name begins with; the run's id follows."""

SECONDS: Final = 2
"""How long connecting may take, between two attempts at most, and until a silent connection is asked for a sign."""


class RunHints:
    """Listens for those runs that it is told to. All of it runs on the event loop's thread."""

    def __init__(
        self,
        user: str,
        hear: Callable[[str, str], None],
        listening: Callable[[str], None],
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        """Listen as a user of Redis, who may do nothing but that.

        `hear` is given a run and the text of a hint; `listening` the run, when hints of it arrive from then on. `lost`
        is called when none arrive any more.
        """
        self._user = user
        self._hear = hear
        self._listening = listening
        self._lost = lost
        self._wanted: set[str] = set()
        self._known: set[str] = set()
        self._changed = asyncio.Event()

    def follow(self, run_id: str) -> None:
        """Listen for a run."""
        self._wanted.add(run_id)
        self._changed.set()
        if run_id in self._known:
            # It was left and is wanted again before Redis was told.
            self._listening(run_id)

    def leave(self, run_id: str) -> None:
        """Listen for a run no more."""
        self._wanted.discard(run_id)
        self._changed.set()

    async def run(self) -> None:
        """Listen for ever, connection after connection."""
        pause = 0.1
        while True:
            try:
                async with _connect(self._user) as client, client.pubsub() as channels:
                    # A connection that listens to nothing can't be read; nobody publishes on this.
                    await channels.subscribe(PREFIX)
                    log.info("connected to user_redis")
                    pause = 0.1
                    await self._listen(channels)
            except* (RedisError, OSError, TimeoutError) as errors:
                self._lost()
                log.warning("user_redis: %s; events of runs come by way of Postgres alone", errors.exceptions[0])
            await asyncio.sleep(jittered(pause))
            pause = min(pause * 2, SECONDS)

    async def _listen(self, channels: PubSub) -> None:
        self._known.clear()
        self._changed.set()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._ask(channels))
            both.create_task(self._read(channels))

    async def _ask(self, channels: PubSub) -> None:
        """Subscribe to what is wanted, and to nothing else."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            more, fewer = self._wanted - self._known, self._known - self._wanted
            self._known = set(self._wanted)
            if more:
                await channels.subscribe(*(PREFIX + each for each in more))
            if fewer:
                await channels.unsubscribe(*(PREFIX + each for each in fewer))

    async def _read(self, channels: PubSub) -> None:
        while True:
            message = await channels.get_message(timeout=SECONDS)
            if message is None:
                continue
            run_id = str(message["channel"]).removeprefix(PREFIX)
            if message["type"] == "subscribe" and run_id:
                self._listening(run_id)
            elif message["type"] == "message":
                self._hear(run_id, str(message["data"]))


def _connect(user: str) -> Redis:
    return Redis(
        **redis_users.login(user),
        decode_responses=True,
        socket_connect_timeout=SECONDS,
        socket_keepalive=True,
        health_check_interval=SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
