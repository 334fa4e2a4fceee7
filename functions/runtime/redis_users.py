"""Redis' users, one for each part that needs it: which keys and channels it may touch, and by which commands.

Each is `botberi_<part>` with the secret `user-redis-<part>`. Nobody else gets in: the user `default` is off. The cache
is in database 0 and the jobs are in 1; whoever may use one has no key of the other.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final, TypedDict

from core.configuration import secret, setting

QUEUES: Final = "instances.*"
"""The queues of jobs, and what was put aside of them."""

_CONTROL: Final = "~celeryev* ~*.celery.pidbox* &/1.celery.pidbox &/1.celeryev/*"
"""By which workers and Flower speak to each other. Workers answer questions there, and take no orders."""

_CONSUMER: Final = (
    "+@list +@hash +@sortedset +@set +@string +@pubsub +@transaction +@scripting +@connection -@dangerous"
    " +del +exists +expire +time"
)
"""What Celery does to take messages. Scripts may touch what the user may, and nothing else."""

USERS: Final[Mapping[str, str]] = {
    # For people: no part logs in by it.
    "admin": "~* &* +@all",
    # Functions that answer from the cache: they keep answers, and can't say that those of others are out of date.
    "cache": "%R~generation:* ~cache:* +get +set",
    # The subscriber that says so: it sees no answer, and can't keep one.
    "invalidation": "~generation:* +incrby",
    # Functions that hand a job to the workers: they can't read one, or take it back.
    "jobs": f"%W~{QUEUES} ~_kombu.* +select +ping +multi +exec +sadd +smembers +llen +lpush",
    # Functions that tell how many jobs there are: they see none of them.
    "depths": f"%R~{QUEUES} %R~worker.unacked +select +ping +llen +hlen",
    "worker": (f"~{QUEUES} ~worker.unacked* ~_kombu.* {_CONTROL} {_CONSUMER}"),
    # It looks at the queues, and takes nothing from them.
    "flower": f"%R~{QUEUES} ~flower.unacked* ~_kombu.* {_CONTROL} {_CONSUMER}",
    # It tells the gateways what it has written of runs, and hears nothing.
    "runner": "&runs:* +publish +ping",
    # It listens to what happens in runs, and can't say anything.
    "gateway": "&runs:* +subscribe +unsubscribe +ping",
    # Functions whose responses follow a run. They hear as the gateway does, and can't say anything either.
    "follower": "&runs:* +subscribe +unsubscribe +ping",
    "exporter": f"%R~{QUEUES} +info +select +type +llen",
}
"""The rules of each, in the words of Redis' ACL SETUSER."""

HASHES: Final = "user-redis-users"
"""The secret that is Redis' ACL file: the users with hashes of their passwords. It is made from the others."""


def name(part: str) -> str:
    """Return the name by which a part logs in."""
    return f"botberi_{part}"


def secret_name(part: str) -> str:
    """Return the name of the secret that is a part's password."""
    return f"user-redis-{part}"


class Login(TypedDict):
    """Where Redis is, and as whom a part logs in there, in the words of its client."""

    host: str
    port: int
    username: str
    password: str


def login(part: str) -> Login:
    """Return how a part reaches Redis, which is at the setting `USER_REDIS_URL` (`host:port`)."""
    host, _, port = setting("USER_REDIS_URL").partition(":")
    return Login(host=host, port=int(port), username=name(part), password=secret(secret_name(part)))


SECRETS: Final = tuple(secret_name(part) for part in USERS)


def acl(read: Callable[[str], str]) -> str:
    """Return Redis' ACL file; `read` gives a secret by its name."""
    # Off and without a password: nobody is it. But Redis replays the transactions of its append-only file as this user.
    lines = ["user default reset ~* &* +@all"]
    for part, rules in USERS.items():
        hashed = hashlib.sha256(read(secret_name(part)).strip().encode()).hexdigest()
        lines.append(f"user {name(part)} reset on #{hashed} {rules}")
    return "".join(f"{line}\n" for line in lines)
