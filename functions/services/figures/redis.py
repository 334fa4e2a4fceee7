"""What Redis says of itself, and how many jobs wait in it for a worker."""

import logging
import socket
from collections.abc import Callable, Iterator
from typing import Final

from core.configuration import secret, setting
from core.watching import Sample
from functions.jobs.settings import ADMIN_QUEUE, DATABASE, DEAD, USER_QUEUE
from functions.runtime import redis_users

log = logging.getLogger(__name__)

TIMEOUT: Final = 3
"""Seconds."""

QUEUES: Final = (USER_QUEUE, ADMIN_QUEUE)

_OF_SERVER: Final = {
    "used_memory": "botberi_redis_memory_bytes",
    "maxmemory": "botberi_redis_memory_limit_bytes",
    "connected_clients": "botberi_redis_clients",
    "total_commands_processed": "botberi_redis_commands_total",
    "evicted_keys": "botberi_redis_evicted_keys_total",
    "rejected_connections": "botberi_redis_rejected_connections_total",
}

FAMILIES: Final = {
    "botberi_redis_up": "1 when Redis answers.",
    "botberi_redis_memory_bytes": "Memory that Redis uses.",
    "botberi_redis_memory_limit_bytes": "Memory that it may use; 0 is no limit.",
    "botberi_redis_clients": "Connections to Redis.",
    "botberi_redis_commands_total": "Commands that Redis has run.",
    "botberi_redis_evicted_keys_total": "Keys that Redis threw away for want of memory.",
    "botberi_redis_rejected_connections_total": "Connections that Redis refused because there were too many.",
    "botberi_jobs_waiting": "Jobs that no worker has taken yet.",
    "botberi_jobs_dead": "What stood in a queue of jobs and was none, and was put aside; 100 at most.",
}


class RefusedError(Exception):
    """Redis answered with an error."""


def samples() -> Iterator[Sample]:
    """Yield what Redis says, and whether it said anything."""
    try:
        found = _asked()
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are asked
        log.warning("user_redis can't be asked: %r", error)
        yield "botberi_redis_up", {}, 0
    else:
        yield "botberi_redis_up", {}, 1
        yield from found


def _asked() -> list[Sample]:
    host, _, port = setting("USER_REDIS_URL").partition(":")
    # Eight commands by hand: the image has no library for it, which would weigh more than all else that this needs.
    with socket.create_connection((host, int(port)), TIMEOUT) as connection, connection.makefile("rwb") as stream:
        user, password = redis_users.name("meter"), secret(redis_users.secret_name("meter"))
        commands = [("AUTH", user, password), ("INFO",), ("SELECT", str(DATABASE))]
        commands += [("LLEN", queue) for queue in (*QUEUES, DEAD)]
        for command in commands:
            parts = b"".join(b"$%d\r\n%s\r\n" % (len(part.encode()), part.encode()) for part in command)
            stream.write(b"*%d\r\n%s" % (len(command), parts))
        stream.flush()
        _, info, _, *lengths, dead = [_answer(stream.readline(), stream.read) for _ in commands]
    facts = dict(line.partition(":")[::2] for line in info.splitlines())
    found: list[Sample] = [(name, {}, float(facts[fact])) for fact, name in _OF_SERVER.items()]
    found.append(("botberi_jobs_dead", {}, float(dead)))
    return found + [
        ("botberi_jobs_waiting", {"queue": queue}, float(length)) for queue, length in zip(QUEUES, lengths, strict=True)
    ]


def _answer(line: bytes, read: Callable[[int], bytes]) -> str:
    """Return an answer of Redis: a line, or so many bytes behind it."""
    kind, text = line[:1], line[1:].strip().decode()
    if kind == b"$":
        return read(int(text) + 2).decode().strip()
    if kind not in {b"+", b":"}:
        raise RefusedError(text)
    return text
