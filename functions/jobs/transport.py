"""The worker's way to Redis: what in a queue of jobs is no job costs nothing but itself.

Kombu and Celery take for granted that every element of a queue is a message of theirs, and end the worker otherwise.
Here each is looked at first, and put aside in the list DEAD unless it is a job as functions.jobs.queue sends it.
"""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import redis
from kombu.serialization import prepare_accept_content
from kombu.transport.redis import Channel, Transport
from kombu.utils.json import loads

from functions.jobs import settings

log = logging.getLogger(__name__)

KEPT: Final = 100
"""Jobs in the list, at most: the newest."""

LONGEST: Final = 65_536
"""Characters that are kept of each, at most."""

TIMEOUT: Final = 5
"""Seconds that Redis may take to keep one."""

_ACCEPTED: Final = prepare_accept_content(["json"])


def put_aside(queue: str, reason: str, job: str) -> None:
    """Keep `job`, as text, in the list DEAD with the reason and the time; say so in the log, but not what is in it."""
    log.error("a job of %s is put aside: %s", queue, reason)
    kept = {"queue": queue, "reason": reason, "time": datetime.now(UTC).isoformat(), "job": job[:LONGEST]}
    # Seldom enough for a connection of its own.
    made = redis.Redis.from_url(settings.broker_url(), socket_timeout=TIMEOUT)
    with made as client, client.pipeline() as commands:
        commands.lpush(settings.DEAD, json.dumps(kept)).ltrim(settings.DEAD, 0, KEPT - 1).execute()


class _Client(redis.Redis):
    """Redis' client, which looks at what it takes from a list."""

    def __init__(self, channel: "CarefulChannel", **options: Any) -> None:  # noqa: ANN401 - redis-py's
        super().__init__(**options)
        self._channel = channel

    def parse_response(self, connection: object, command_name: object, **options: object) -> object:
        """Return the answer to a command; None, as if no job had come, for one that can't be read."""
        answer = super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]  # redis-py
        if command_name != "BRPOP" or not answer:
            return answer
        queue, job = (part.decode(errors="replace") for part in answer)
        if (reason := self._channel.fault(job)) is None:
            return answer
        put_aside(queue, reason, job)
        return None


class CarefulChannel(Channel):
    """A channel that hands on what is a message, and nothing else."""

    def fault(self, job: str) -> str | None:
        """Return why an element of a queue is no job, or None."""
        try:
            message = self.Message(loads(job), channel=self, accept=_ACCEPTED)
            match message.headers, message.decode():
                case {"task": settings.CONVERGE, "id": str()}, [[str()], dict(), dict()]:
                    return None
        except Exception as error:  # noqa: BLE001 - anything may be in it, and nothing of it may end the worker
            # Its text may be somebody's data.
            return f"it can't be read ({type(error).__name__}, {len(job)} characters)"
        return f"it is no job ({len(job)} characters)"

    def _connparams(self, asynchronous: bool = False) -> dict[str, object]:
        if self.connection.client is None:
            # Kombu has given it up, and goes on to give back and acknowledge jobs over it. Of its own accord it raises
            # what ends the worker; an error of Redis' it takes for what it is. The sweep finds what the jobs were for.
            raise redis.ConnectionError("the connection is given up")
        return super()._connparams(asynchronous)  # type: ignore[misc,no-any-return]  # celery-types has nothing private

    def _get_client(self) -> Callable[..., redis.Redis]:
        super()._get_client()  # type: ignore[misc]  # celery-types has nothing private
        return partial(_Client, self)

    def _deliver_fanout_message(self, message: dict[str, object], exchange: str) -> object:
        try:
            self.Message(message, channel=self)
        except Exception as error:  # noqa: BLE001 - as above
            log.error("a message to all workers is dropped: it can't be read (%s)", type(error).__name__)  # noqa: TRY400 - as above
            return None
        return super()._deliver_fanout_message(message, exchange)  # type: ignore[misc]  # the same


class CarefulTransport(Transport):
    """Kombu's transport for Redis with channels that look first."""

    Channel = CarefulChannel
