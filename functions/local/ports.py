"""The ports of the local run, and free ones for tests."""

import errno
import random
import socket
from dataclasses import dataclass, fields
from typing import Final, Self

from functions.local.errors import LocalError

LOOPBACK: Final = "127.0.0.1"

_TEST_PORTS: Final = range(20_000, 32_000)
"""Below the range from which the kernel takes ports for outgoing connections, above those of the local run."""


@dataclass(frozen=True)
class Ports:
    """Where each part listens; the defaults are those of the local run."""

    user_psql: int = 5430
    shared_psql: int = 5440
    user_redis: int = 6600
    event_bus: int = 5672
    event_bus_management: int = 15672
    event_bus_names: int = 15673
    """Erlang's port mapper, private to this RabbitMQ."""
    event_bus_distribution: int = 15674
    user: int = 8010
    admin: int = 8020
    broker: int = 8030
    functions: int = 8050
    gateway: int = 8040
    flower: int = 4400
    edge: int = 8080
    watch_relay_user: int = 9464
    """Here and below: health and figures of a part, for those who watch."""
    watch_relay_shared: int = 9465
    watch_dispatcher: int = 9466
    watch_gateway: int = 9467
    subscribers: int = 8060
    """Where the dispatcher finds subscribers; the edge doesn't lead here."""

    @classmethod
    def free(cls) -> Self:
        """Choose ports that nothing listens on at this moment."""
        return cls(*free_ports(len(fields(cls))))

    def refuse_taken(self) -> None:
        """Raise LocalError naming the first port that something already listens on."""
        for field in fields(self):
            port = getattr(self, field.name)
            if not _is_free(port):
                message = f"port {port} ({field.name}) is taken by another program: see `ss -ltnp 'sport = :{port}'`"
                raise LocalError(message)


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on at this moment."""
    candidates = random.SystemRandom().sample(_TEST_PORTS, len(_TEST_PORTS))
    free = (port for port in candidates if _is_free(port))
    return [next(free) for _ in range(count)]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def accepts(port: int) -> bool:
    """Tell whether something accepts connections on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
