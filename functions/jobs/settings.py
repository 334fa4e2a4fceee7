"""Celery's settings, for the worker and for those who only send; read when they are first needed."""

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from core.configuration import secret, setting
from functions.runtime import redis_users

if TYPE_CHECKING:
    from kombu.entity import Queue

USER_QUEUE: Final = "instances.user"
ADMIN_QUEUE: Final = "instances.admin"
CONVERGE: Final = "instance.converge"

DATABASE: Final = 1
"""The number of the jobs' database in Redis; 0 is the cache's."""

DEAD: Final = "instances.dead"
"""The list of what stood in a queue and was no job. Nobody takes from it: the sweep goes by the instances."""

CAREFUL: Final = "careful-redis"
"""The name by which kombu finds functions.jobs.transport, through which the worker reads."""

VISIBILITY: Final = 300
"""Seconds after which Redis hands out a job again that no worker has finished: far above the longest job."""


def broker_url(part: str | None = None) -> str:
    """Return the URL of Redis, which is at `USER_REDIS_URL` (`host:port`), with the user and password of a part.

    That is `worker`, `flower`, or `jobs`, for those who only send. Without `part` the setting `USER_REDIS_USER` names
    it, and `jobs` is the default.
    """
    part = _part(part)
    password = quote(secret(redis_users.secret_name(part)), safe="")
    return f"redis://{redis_users.name(part)}:{password}@{setting('USER_REDIS_URL')}/{DATABASE}"


def _part(part: str | None) -> str:
    return part or setting("USER_REDIS_USER", "jobs")


def configuration(part: str | None = None, **transport_options: int) -> dict[str, object]:
    """Return the settings for a part, as `broker_url` has it. `transport_options` are added to the broker's."""
    from kombu.transport import TRANSPORT_ALIASES

    TRANSPORT_ALIASES[CAREFUL] = "functions.jobs.transport:CarefulTransport"
    url = broker_url(part)
    return {
        "broker_url": url,
        "broker_read_url": url.replace("redis", CAREFUL, 1),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY,
            # Of each its own: Flower must not hand out again what a worker was given.
            **{f"unacked{each}_key": f"{_part(part)}.unacked{each}" for each in ("", "_index", "_mutex")},
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
            **transport_options,
        },
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_default_queue": USER_QUEUE,
        "task_create_missing_queues": False,
        "task_queues": _queues(),
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "enable_utc": True,
    }


def _queues() -> "list[Queue]":
    # Not from the package, for the reason that queue.py has.
    from kombu.entity import Exchange, Queue

    # The default exchange needs no bindings in Redis, which may be emptied at any time.
    return [Queue(name, Exchange(""), routing_key=name) for name in (USER_QUEUE, ADMIN_QUEUE)]
