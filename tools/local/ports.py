"""Ports that nothing listens on, and whether something does."""

import errno
import random
import socket
from dataclasses import fields
from typing import Final

from provisioning.local_settings import LOOPBACK, Ports
from tools.local.errors import LocalError

_TEST_PORTS: Final = range(20_000, 32_000)
"""Below the range from which the kernel takes ports for outgoing connections, above those of the local run."""


def free() -> Ports:
    """Return a port for each service, on which nothing listens at this moment."""
    return Ports(*free_ports(len(fields(Ports))))


def refuse_taken(ports: Ports) -> None:
    """Raise LocalError naming the first of these ports that something already listens on."""
    for field in fields(ports):
        port = getattr(ports, field.name)
        if not _is_free(port):
            message = f"port {port} ({field.name}) is taken by another program: see `ss -ltnp 'sport = :{port}'`"
            raise LocalError(message)


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on at this moment."""
    any_port, found = random.SystemRandom(), set[int]()
    while len(found) < count:
        if _is_free(port := any_port.choice(_TEST_PORTS)):
            found.add(port)
    return sorted(found)


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
    """Return whether something accepts connections on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
