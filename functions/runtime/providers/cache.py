"""A cache of answers in Redis. When Redis is empty or can't be reached, each answer is built anew: nothing is lost."""

import hashlib
import logging
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from typing_extensions import override

from core.once import once
from functions.domain.api_errors import Unavailable
from functions.runtime import redis_users
from functions.runtime.databases import DependencyDownError
from functions.runtime.declarations import Declaration
from functions.runtime.providers.base import RESOURCE, Call, Provider
from functions.schemas.base import Cached, Reply

if TYPE_CHECKING:
    # Its import is slow.
    from redis import Redis

T = TypeVar("T", bound=Reply)

log = logging.getLogger(__name__)

SECONDS: Final = 60
"""How long an answer is kept at most. A change of what it was built from makes it unfindable at once."""

SLOTS: Final = 256
"""Answers kept in a generation at most: there is no end of what can be searched for, and Redis holds jobs too."""

TIMEOUT: Final = 0.5
"""Seconds to wait for Redis: an answer is built in less."""

PAUSE: Final = 2.0
"""Seconds for which a Redis that couldn't be reached isn't asked again: nobody should wait for it each time."""


class CacheUnavailable(Unavailable):
    """The cache is not available just now: try again shortly."""


class Cache:
    """Answers by key, in generations.

    A generation is a number in Redis that is part of the keys of its answers. Raising it hides all of them at once,
    without a search for them; they expire by themselves.
    """

    def __init__(self, client: "Redis") -> None:
        """Keep the answers in the Redis that `client` is connected to."""
        self.client = client
        self._away_until = 0.0

    def through(self, generation: str, key: str, build: Callable[[], T]) -> Cached[T]:
        """Return the answer kept under `key` in `generation`; if there is none, build it and keep it.

        `key` is one line of text. Keys share SLOTS places by their hashes, so a place says whose answer it holds.
        """
        from redis.exceptions import RedisError

        if monotonic() < self._away_until:
            return Cached(build().model_dump_json())
        try:
            number = self._text(f"generation:{generation}") or "0"
            place = f"cache:{generation}:{number}:{_slot(key)}"
            whose, _, kept = self._text(place).partition("\n")
        except RedisError as error:
            self._away(error)
            return Cached(build().model_dump_json())
        if whose == key:
            return Cached(kept)
        text = build().model_dump_json()
        self._keep(place, f"{key}\n{text}")
        return Cached(text)

    def _text(self, place: str) -> str:
        """Return the text at a key of Redis, empty where there is none."""
        found = self.client.get(place) or ""
        return found.decode() if isinstance(found, bytes) else found

    def _keep(self, place: str, text: str) -> None:
        from redis.exceptions import RedisError

        try:
            self.client.set(place, text, ex=SECONDS)
        except RedisError as error:
            self._away(error)

    def _away(self, error: Exception) -> None:
        self._away_until = monotonic() + PAUSE
        log.warning("user_redis can't be reached, answering without it: %s", error)

    def forget(self, generation: str) -> None:
        """Raise a generation's number, so that no answer kept in it is found again. Raises CacheUnavailable."""
        from redis.exceptions import RedisError

        try:
            self.client.incr(f"generation:{generation}")
        except RedisError as error:
            raise CacheUnavailable from DependencyDownError("user_redis", error)


class CacheProvider(Provider):
    """Fills a parameter that is a `Cache`."""

    types = (Cache,)
    stage = RESOURCE
    in_subscribers = True
    group = "function-cache"
    settings = ("USER_REDIS_URL",)

    @override
    def value(self, call: Call) -> Cache:
        """Return the process' cache, for the Redis user of the function's part."""
        return connect(_part(call.declaration))

    @override
    def secrets(self, declaration: Declaration) -> tuple[str, ...]:
        """Return the name of the secret with the password of that Redis user."""
        return (redis_users.secret_name(_part(declaration)),)


def _part(declaration: Declaration) -> str:
    """Return the part whose Redis user a function is: `invalidation` for subscribers, `cache` for endpoints."""
    return "invalidation" if declaration.event_types else "cache"


def _slot(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % SLOTS


@once
def connect(part: str) -> Cache:
    """Return this process' cache, at the setting `USER_REDIS_URL` (`host:port`), for one of Redis' users.

    `part` is `cache` for those who answer from it, and `invalidation` for those who make it forget.
    """
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = redis.Redis(
        **redis_users.login(part),
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        # Once more, on a new connection, since Redis may have restarted; its own ten times take seconds.
        retry=Retry(NoBackoff(), 1),
    )
    return Cache(client)
