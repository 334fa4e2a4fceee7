"""A server that goes while somebody connects leaves nothing open."""

import gc
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

import psutil
import pytest

from core.postgres.errors import InterfaceError
from core.postgres.pipelined import DbapiConnection, NativeConnection

Connect = Callable[..., object]

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: whoever is there is told of a reset."""

_UNENCRYPTED = b"N"


def _serve(listening: socket.socket, answer: bytes, *, reset: bool, silent: bool) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(8)
        connection.sendall(answer)
        if silent:
            # Until the client has given up.
            with suppress(OSError):
                while connection.recv(1024):
                    pass
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def connections(port: int) -> int:
    """Return how many connections to a port this process has."""
    return sum(bool(each.raddr) and each.raddr.port == port for each in psutil.Process().net_connections("tcp"))


@pytest.mark.parametrize("kind", [DbapiConnection, NativeConnection])
@pytest.mark.parametrize("answer", [b"", _UNENCRYPTED], ids=["at once", "after it has told that it doesn't encrypt"])
@pytest.mark.parametrize("end", ["close", "reset", "silence"])
def test_a_server_that_goes_meanwhile_leaves_no_socket_open(
    listening: socket.socket, kind: Connect, answer: bytes, end: str
) -> None:
    serving = Thread(
        target=_serve, args=(listening, answer), kwargs={"reset": end == "reset", "silent": end == "silence"}
    )
    serving.start()
    port = listening.getsockname()[1]
    with pytest.raises((InterfaceError, OSError)):
        kind("nobody", "127.0.0.1", port=port, password="none", timeout=0.3)
    serving.join()
    assert connections(port) == 0
    # One that is collected without having been closed is a warning, and so a failure.
    gc.collect()
