"""RabbitMQ's place in the world: names that every part agrees on, and how a part connects."""

import socket
from typing import TYPE_CHECKING, Final

from core.configuration import secret, setting

if TYPE_CHECKING:
    import pika

EXCHANGE: Final = "botberi.events"
"""The topic exchange that every event goes through, its type being the routing key."""

DEAD_EXCHANGE: Final = "botberi.dead"
"""The direct exchange that takes dead letters to `<queue>.dead`."""

NOTIFY_EXCHANGE: Final = "botberi.notify"
"""The exchange for events that are addressed to Postgres, whatever their routing key: `channel` says where."""

NOTIFY_QUEUE: Final = "botberi.notify.shared_psql"
"""Where they wait."""

HEARTBEAT: Final = 2
"""Seconds, for connections that live long. RabbitMQ takes two to three of them without a sign of life for a death."""

TCP_OPTIONS: Final = {"TCP_KEEPIDLE": 3, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 6000}
"""Without these a dead peer is noticed after eleven minutes. The last is in milliseconds, and decides."""

CONNECT_TIMEOUT: Final = 2
"""Seconds that a port may take to accept a connection."""

LEASES: Final = "botberi.relay."
"""How the queues begin that are leases."""


def lease(database: str) -> str:
    """Return the name of the exclusive queue that a database's active relay holds."""
    return f"{LEASES}{database}"


def canary(database: str) -> str:
    """Return the name of the exchange that a database's relay binds to EXCHANGE, and that is deleted with it."""
    return f"{lease(database)}.canary"


def dead(queue: str) -> str:
    """Return the name of a queue's dead-letter queue."""
    return f"{queue}.dead"


def address() -> tuple[str, int, str]:
    """Return host, port and virtual host, from EVENT_BUS_URL."""
    place, _, virtual_host = setting("EVENT_BUS_URL").partition("/")
    host, _, port = place.partition(":")
    return host, int(port or 5672), virtual_host or "/"


def check_port() -> None:
    """Raise OSError when nobody takes connections at RabbitMQ's port."""
    host, port, _ = address()
    socket.create_connection((host, port), timeout=CONNECT_TIMEOUT).close()


def parameters(service: str, *, heartbeat: int = 5) -> "pika.ConnectionParameters":
    """Return how `service` (`admin`, `relay`, `dispatcher`) connects.

    The address is from EVENT_BUS_URL, the password from the secret event-bus-<service>. `heartbeat` is in seconds:
    HEARTBEAT where losing the peer has to be noticed soon.
    """
    import pika  # noqa: PLC0415 - functions know the names above, and have no pika

    host, port, virtual_host = address()
    return pika.ConnectionParameters(
        host=host,
        port=port,
        virtual_host=virtual_host,
        credentials=pika.PlainCredentials(f"botberi_{service}", secret(f"event-bus-{service}"), erase_on_connect=False),
        heartbeat=heartbeat,
        connection_attempts=1,
        socket_timeout=5,
        stack_timeout=10,
        tcp_options=TCP_OPTIONS,
        client_properties={"connection_name": f"botberi-{service}"},
    )
