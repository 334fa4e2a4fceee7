"""Each of Redis' users does what its part does, and nothing else."""

from typing import Any

import pytest
import redis

from functions.jobs.settings import DATABASE, USER_QUEUE
from functions.runtime import redis_users
from testing.environment import Environment

ANSWER = "cache:catalog:0:1"
GENERATION = "generation:catalog"

FORBIDDEN = {
    "cache": (
        f"SET {GENERATION} 1",
        f"INCRBY {GENERATION} 1",
        "KEYS *",
        "SCAN 0",
        "FLUSHALL",
        "SELECT 1",
        f"LPUSH {USER_QUEUE} x",
        "CONFIG GET *",
        "ACL LIST",
    ),
    "invalidation": (f"SET {ANSWER} x", f"GET {ANSWER}", f"GET {GENERATION}", f"LPUSH {USER_QUEUE} x"),
    "depths": (
        f"GET {ANSWER}",
        f"LPUSH {USER_QUEUE} x",
        f"LRANGE {USER_QUEUE} 0 -1",
        f"DEL {USER_QUEUE}",
        "HGET worker.unacked x",
        "HGETALL worker.unacked",
        "KEYS *",
    ),
    "jobs": (
        f"GET {ANSWER}",
        f"SET {ANSWER} x",
        f"BRPOP {USER_QUEUE} 1",
        f"LRANGE {USER_QUEUE} 0 -1",
        f"DEL {USER_QUEUE}",
        "HGET worker.unacked x",
        "PUBLISH /1.celery.pidbox x",
        "SUBSCRIBE /1.celeryev/worker.heartbeat",
    ),
    "worker": (
        f"SET {ANSWER} x",
        f"GET {ANSWER}",
        f"GET {GENERATION}",
        f"SET {GENERATION} 1",
        "PUBLISH /0.celeryev/x x",
        "FLUSHDB",
        "CONFIG GET *",
        "KEYS *",
    ),
    "flower": (
        f"LPUSH {USER_QUEUE} x",
        f"BRPOP {USER_QUEUE} 1",
        f"SET {ANSWER} x",
        f"GET {ANSWER}",
        "HGET worker.unacked x",
        "FLUSHALL",
        "CLIENT KILL TYPE normal",
    ),
    "gateway": ("PUBLISH runs:run_1 x", "SUBSCRIBE /1.celeryev/x", "PSUBSCRIBE *", "PUBSUB CHANNELS", f"GET {ANSWER}"),
    "follower": ("PUBLISH runs:run_1 x", "SUBSCRIBE /1.celeryev/x", "PSUBSCRIBE *", "PUBSUB CHANNELS", f"GET {ANSWER}"),
    "runner": ("SUBSCRIBE runs:run_1", "PUBLISH /1.celeryev/x x", f"GET {ANSWER}", f"LPUSH {USER_QUEUE} x"),
    "exporter": (f"LRANGE {USER_QUEUE} 0 -1", f"LPUSH {USER_QUEUE} x", f"GET {ANSWER}", "CONFIG GET *", "CLIENT LIST"),
}


@pytest.mark.parametrize("part", sorted(redis_users.USERS.keys() - {"admin"}))
def test_a_part_may_not(env: Environment, part: str) -> None:
    database = 0 if part in {"cache", "invalidation", "gateway", "follower", "runner"} else DATABASE
    with env.redis(part, database) as client:
        assert [command for command in FORBIDDEN[part] if not refused(client, command)] == []
    with env.redis() as client:
        client.acl_log_reset()


def refused(client: redis.Redis, command: str) -> bool:
    try:
        client.execute_command(*command.split())  # type: ignore[no-untyped-call]  # redis-py
    except redis.exceptions.NoPermissionError:
        return True
    return False


@pytest.mark.parametrize(
    "login",
    [
        {},
        {"password": "x"},
        {"username": "default", "password": "x"},
        {"username": "botberi_cache", "password": "x"},
        {"username": "botberi_nobody", "password": "x"},
    ],
)
def test_nobody_gets_in_without_the_password_of_a_part(env: Environment, login: dict[str, Any]) -> None:
    somebody = redis.Redis(port=env.ports.user_redis, **login)
    with somebody as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.ping()
    with env.redis() as client:
        client.acl_log_reset()
