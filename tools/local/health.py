"""Whether each process of a run does its work, asked from outside."""

from collections.abc import Callable, Mapping

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from core import http_client
from events import subscriptions
from events.broker import bus
from provisioning.local_settings import LOOPBACK, Ports
from tools.local.ports import accepts

Check = Callable[[], bool]

_LOCKED = 405
"""AMQP's answer to whoever looks at another connection's exclusive queue."""


def functions(ports: Ports) -> Mapping[str, Check]:
    """Return a check for each of `processes.functions`."""
    return {
        "host": lambda: all(
            answers(port, "/_/health") for port in (ports.user, ports.admin, ports.broker, ports.functions)
        ),
        "subscribers": lambda: answers(ports.subscribers, "/_/health"),
        "relay-user": lambda: holds_lease("user_psql"),
        "relay-shared": lambda: holds_lease("shared_psql"),
        "dispatcher": consumes_everything,
        "gateway": lambda: answers(ports.monitoring_gateway, "/_/ready"),
        "runner": lambda: answers(ports.monitoring_runner, "/_/ready"),
        "agent-host": lambda: answers(ports.agent_host, "/_/ready"),
        "worker": worker_answers,
    }


def watchers(ports: Ports) -> Mapping[str, Check]:
    """Return a check for each of `processes.watchers`."""
    return {
        "flower": lambda: answers(ports.flower, "/healthcheck"),
        "mail": lambda: answers(ports.mail, "/") and accepts(ports.smtp),
        "edge": lambda: answers(ports.edge, "/_/health"),
    }


def answers(port: int, path: str) -> bool:
    """Return whether a GET is answered with 200."""
    return http_client.is_ok(f"http://{LOOPBACK}:{port}{path}", seconds=2)


def holds_lease(database: str) -> bool:
    """Return whether a relay of the database is active: then an exclusive queue of its own is there."""
    try:
        _consumers(bus.lease(database))
    except ChannelClosedByBroker as error:
        return error.reply_code == _LOCKED
    except (AMQPError, OSError):
        return False
    return False


def consumes_everything() -> bool:
    """Return whether the dispatcher listens to the queue of every subscriber."""
    try:
        return all(_consumers(subscription.queue) for subscription in subscriptions.read())
    except (AMQPError, OSError):
        return False


def _consumers(queue: str) -> int:
    with pika.BlockingConnection(bus.parameters("admin")) as connection:
        return int(connection.channel().queue_declare(queue, passive=True).method.consumer_count)


def worker_answers() -> bool:
    """Return whether a Celery worker answers."""
    from celery import Celery
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError

    from functions.jobs.settings import configuration

    # Whoever only sends jobs may not ask workers for anything.
    app = Celery("botberi-health", set_as_current=False)
    app.conf.update(configuration("worker"))
    try:
        # A connection of its own: the application's pool would keep it open.
        with app.connection_for_write() as connection:
            return bool(app.control.ping(timeout=1, connection=connection))
    except (OperationalError, RedisError, OSError):
        # The second where Redis goes between the question and the answer.
        return False
