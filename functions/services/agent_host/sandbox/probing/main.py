"""An agent that tries what the boundary must refuse: at the start of every host, before any other is started.

`make attack` tries far more. These are one of each kind, and quick.
"""

import os
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import flask


class Target(TypedDict):
    """What of the host's own is aimed at."""

    file: str
    pid: int
    port: int


def agent(request: flask.Request) -> dict[str, list[str]]:
    """Return the names of the probes that weren't refused."""
    target: Target = request.get_json()
    return {"through": [probe.__name__ for probe in PROBES if not _is_refused(probe, target)]}


def _is_refused(probe: Callable[[Target], object], target: Target) -> bool:
    try:
        probe(target)
    except OSError:
        return True
    return False


def read_outside(target: Target) -> None:
    """Read a file of the host's."""
    Path(target["file"]).read_bytes()


def write_outside(target: Target) -> None:
    """Write to it."""
    Path(target["file"]).write_bytes(b"")


def write_code(target: Target) -> None:
    """Change the code that others run too."""
    Path(__file__).open("ab").close()


def list_processes(target: Target) -> None:
    """See who else runs."""
    os.listdir("/proc")


def signal_host(target: Target) -> None:
    """Send a signal to the host."""
    os.kill(target["pid"], signal.SIGCONT)


def limit_host(target: Target) -> None:
    """Look at a limit of the host's."""
    resource.prlimit(target["pid"], resource.RLIMIT_NOFILE)


def connect(target: Target) -> None:
    """Connect to a port of the host's."""
    socket.create_connection(("127.0.0.1", target["port"]), 5).close()


def connect_by_sending(target: Target) -> None:
    """Do so by TCP Fast Open."""
    with socket.socket() as connection:
        connection.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", target["port"]))


def send_datagram(target: Target) -> None:
    """Send by UDP."""
    with socket.socket(type=socket.SOCK_DGRAM) as connection:
        connection.sendto(b"x", ("127.0.0.1", target["port"]))


def listen(target: Target) -> None:
    """Listen on a port."""
    with socket.socket() as listening:
        listening.listen()


def have_unix_socket(target: Target) -> None:
    """Have what one connects with to sockets that are files."""
    socket.socket(socket.AF_UNIX).close()


PROBES: tuple[Callable[[Target], object], ...] = (
    *(read_outside, write_outside, write_code, list_processes, signal_host, limit_host),
    *(connect, connect_by_sending, send_datagram, listen, have_unix_socket),
)
