"""Everybody who reads runs, and what brings them their events."""

import asyncio
import json
import logging
from typing import Final

from functions.runtime.run_hints import RunHints
from functions.services.realtime import run_events
from functions.services.realtime.feeds import Feeds
from functions.services.realtime.metrics import GatewayMetrics
from functions.services.realtime.run_events import RunReader, hinted

log = logging.getLogger(__name__)

USER: Final = "gateway"
"""The user of Redis."""


class Runs:
    """All who read a run. All of it runs on the event loop's thread."""

    def __init__(self, metrics: GatewayMetrics) -> None:
        """Begin with nobody."""
        self._metrics = metrics
        self._readers: dict[str, set[RunReader]] = {}
        self._feeds = Feeds(run_events.KIND, self, metrics)
        self._hints = RunHints(USER, self._hear, self.want)

    def want(self, run_id: str) -> None:
        """Look for events of a run soon."""
        self._feeds.want(run_id)

    def join(self, reader: RunReader) -> None:
        """Bring a reader its events from now on."""
        if reader.run_id not in self._readers:
            self._hints.follow(reader.run_id)
        self._readers.setdefault(reader.run_id, set()).add(reader)
        self.want(reader.run_id)

    def leave(self, reader: RunReader) -> None:
        """Forget a reader that has joined. Its run goes on."""
        readers = self._readers[reader.run_id]
        readers.discard(reader)
        if not readers:
            del self._readers[reader.run_id]
            self._hints.leave(reader.run_id)

    def feeds(self) -> list[str]:
        """Return the runs that are read."""
        return list(self._readers)

    def followers(self, run_id: str) -> list[RunReader]:
        """Return those who read a run."""
        return list(self._readers.get(run_id, ()))

    def _hear(self, run_id: str, hint: str) -> None:
        try:
            events = [hinted(each) for each in json.loads(hint)["events"]]
        except (ValueError, KeyError, TypeError) as error:
            log.warning("what came on the channel of a run is no hint: %r", error)
            self.want(run_id)
            return
        self._metrics.hints += 1
        for reader in self.followers(run_id):
            if reader.hear(events):
                self.want(run_id)

    async def run(self) -> None:
        """Bring events for ever."""
        await asyncio.gather(self._hints.run(), self._feeds.run(_at_once, lambda: None))


async def _at_once() -> bool:
    return True
