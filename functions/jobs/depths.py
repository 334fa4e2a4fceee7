"""How many jobs there are in Redis: those that wait, those that workers have, and what was put aside."""

from dataclasses import dataclass
from typing import Final

from functions.domain.api_errors import Unavailable
from functions.jobs.settings import ADMIN_QUEUE, DATABASE, DEAD, USER_QUEUE
from functions.runtime import redis_users
from functions.runtime.databases import DependencyDownError

PART: Final = "depths"
"""The user of Redis that may tell them."""

TIMEOUT: Final = 0.5
"""Seconds that Redis may take for an answer."""

_AT_WORK: Final = "worker.unacked"


class JobsUnavailable(Unavailable):
    """How many jobs there are can't be told just now: Redis can't be reached."""


@dataclass(frozen=True)
class Depths:
    """Jobs, by where they are."""

    waiting: dict[str, int]
    """By queue."""
    at_work: int
    """That workers were given and have not finished."""
    put_aside: int
    """What stood in a queue and was no job."""


def read() -> Depths:
    """Return how many jobs there are. Raises JobsUnavailable."""
    import redis
    from redis.exceptions import RedisError

    login = redis_users.login(PART)
    with redis.Redis(db=DATABASE, **login, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as client:
        try:
            commands = client.pipeline(transaction=False)
            for name in (USER_QUEUE, ADMIN_QUEUE, DEAD):
                commands.llen(name)
            of_users, of_operators, dead, at_work = commands.hlen(_AT_WORK).execute()
        except RedisError as error:
            raise JobsUnavailable from DependencyDownError("user_redis", error)
    return Depths({USER_QUEUE: of_users, ADMIN_QUEUE: of_operators}, at_work, dead)
