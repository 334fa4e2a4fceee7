"""Celery's settings, for the worker and for those who only send; read when they are first needed."""

from typing import Any, Final
from urllib.parse import quote

from core.configuration import secret, setting
from functions.runtime import redis_users

USER_QUEUE: Final = "instances.user"
ADMIN_QUEUE: Final = "instances.admin"
CONVERGE: Final = "instance.converge"

DATABASE: Final = 1
"""Of Redis: 0 is the cache's."""

DEAD: Final = "instances.dead"
"""The list of what stood in a queue and was no job. Nobody takes from it: the sweep goes by the instances."""

CAREFUL: Final = "careful-redis"
"""What kombu is told of functions.jobs.transport, which the worker reads by."""

VISIBILITY: Final = 300
"""Seconds after which Redis hands out a job again that no worker has finished: far above the longest job."""


def configuration(part: str | None = None) -> dict[str, Any]:
    """Return the settings: the broker is at `USER_REDIS_URL` (`host:port`), for the Redis user of a part.

    That is `worker`, `flower`, or `jobs`, for those who only send. Without `part` the setting `USER_REDIS_USER` names
    it, and `jobs` is the default.
    """
    from kombu.transport import TRANSPORT_ALIASES

    TRANSPORT_ALIASES[CAREFUL] = "functions.jobs.transport:CarefulTransport"
    part = part or setting("USER_REDIS_USER", "jobs")
    password = quote(secret(redis_users.secret_name(part)), safe="")
    address = f"{redis_users.name(part)}:{password}@{setting('USER_REDIS_URL')}/{DATABASE}"
    return {
        "broker_url": f"redis://{address}",
        "broker_read_url": f"{CAREFUL}://{address}",
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY,
            # Of each its own: Flower must not hand out again what a worker was given.
            **{f"unacked{each}_key": f"{part}.unacked{each}" for each in ("", "_index", "_mutex")},
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
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


def _queues() -> list[Any]:
    from kombu import Exchange, Queue

    # The default exchange needs no bindings in Redis, which may be emptied at any time.
    return [Queue(name, Exchange(""), routing_key=name) for name in (USER_QUEUE, ADMIN_QUEUE)]
