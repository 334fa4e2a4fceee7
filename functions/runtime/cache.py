"""A cache in Redis that may be empty or away at any time: then the answer is built anew, and nothing true is lost."""

import hashlib
import logging
from collections.abc import Callable
from functools import cache as memoised
from typing import Any, Final

from events.configuration import secret, setting
from functions.domain.refusals import Unavailable
from functions.runtime.databases import DependencyDownError
from functions.runtime.shapes import Answer, Cached

log = logging.getLogger(__name__)

SECONDS: Final = 60
"""How long an answer is kept at most; a change of what it was built from drops it at once."""


class CacheUnavailable(Unavailable):
    """The cache is not available just now: try again shortly."""


class Cache:
    """Answers by key, in generations: raising a generation forgets everything that was kept under it."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - redis' client, whose import is slow
        """`client` is a `redis.Redis`."""
        self.client = client

    def through(self, generation: str, key: str, build: Callable[[], Answer]) -> Cached[Answer]:
        """Return the answer kept under `key` in `generation`, or build it and keep it."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - redis is slow to import

        try:
            number = self.client.get(f"generation:{generation}") or b"0"
            place = f"cache:{generation}:{number.decode()}:{key}"
            kept = self.client.get(place)
        except RedisError as error:
            log.warning("user_redis can't be reached, answering without it: %s", error)
            return _cached(build().model_dump_json())
        if kept is not None:
            return _cached(kept.decode())
        text = build().model_dump_json()
        self._keep(place, text)
        return _cached(text)

    def _keep(self, place: str, text: str) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415 - redis is slow to import

        try:
            self.client.set(place, text, ex=SECONDS)
        except RedisError as error:
            log.warning("user_redis can't be reached, keeping nothing: %s", error)

    def forget(self, generation: str) -> None:
        """Raise the generation, so that nothing kept under it is found again. Raises CacheUnavailable."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - redis is slow to import

        try:
            self.client.incr(f"generation:{generation}")
        except RedisError as error:
            raise CacheUnavailable from DependencyDownError("user_redis", error)


def _cached(text: str) -> Cached[Any]:
    return Cached(text, hashlib.sha256(text.encode()).hexdigest()[:32])


@memoised
def connect() -> Cache:
    """Return this process' cache, at the setting `USER_REDIS_URL` (`host:port`) with the secret `user-redis`."""
    import redis  # noqa: PLC0415 - it takes a tenth of a second

    host, _, port = setting("USER_REDIS_URL").partition(":")
    client = redis.Redis(
        host=host, port=int(port), password=secret("user-redis"), socket_timeout=1, socket_connect_timeout=1
    )
    return Cache(client)
