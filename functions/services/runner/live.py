"""The live path: what has just been written of runs, told to whoever follows them, by Redis' channels.

It promises nothing. Whoever follows a run finds by the numbers what was missed, and reads it from Postgres.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from functions.domain.runs.recording import Piece
from functions.runtime import redis_users

log = logging.getLogger(__name__)

USER: Final = "runner"

CHANNEL: Final = "runs:{run_id}"

TIMEOUT: Final = 0.5
"""Seconds to wait for Redis."""

PAUSE: Final = 2.0
"""Seconds for which a Redis that couldn't be reached isn't asked again: no run waits for it each time."""


class Live:
    """Publishes what was written. Used by one thread at a time."""

    def __init__(self) -> None:
        """Connect when something is first told."""
        self._client: Redis | None = None
        self._away_until = 0.0

    def tell(self, written: Mapping[str, Sequence[Piece]]) -> None:
        """Tell what was written of runs, by their ids."""
        if not written or monotonic() < self._away_until:
            return
        try:
            pipeline = self._connected().pipeline(transaction=False)
            for run_id, pieces in written.items():
                pipeline.publish(CHANNEL.format(run_id=run_id), _message(run_id, pieces))
            pipeline.execute()
        except (RedisError, OSError) as error:
            self._away_until = monotonic() + PAUSE
            log.warning("user_redis can't be told of runs, who follows them reads Postgres: %s", error)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> "Redis":
        if self._client is None:
            self._client = Redis(
                **redis_users.login(USER),
                socket_timeout=TIMEOUT,
                socket_connect_timeout=TIMEOUT,
                driver_info=None,
            )
        return self._client


def _message(run_id: str, pieces: Sequence[Piece]) -> str:
    events = [
        {"sequence": each.sequence, "at": each.at.isoformat(), "type": each.type, "data": each.data} for each in pieces
    ]
    return json.dumps({"run_id": run_id, "events": events}, ensure_ascii=False)
