"""The server in a thread of this process, around an application of the test's own."""

import asyncio
import select
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from wsgiref.types import WSGIApplication

from functions.runtime import problems
from functions.runtime.http.adapter import Adapter
from functions.runtime.http.protocol import Connection, Limits
from functions.runtime.http.server import Server, listening

TIMEOUT = 60
"""Seconds."""

END = b"\r\n\r\n"


class Inside(Server):
    """The server, where signals can't be handled."""

    def __init__(self, application: WSGIApplication, threads: int, limits: Limits) -> None:
        super().__init__(Adapter(application, threads, problems.of_request), problems.of_request, limits)
        self.listener = listening("127.0.0.1:0")
        self.port = self.listener.getsockname()[1]
        self.runs = threading.Event()
        self.thread = threading.Thread(target=lambda: self.run([self.listener]))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        self.loop = asyncio.get_running_loop()
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.runs.set()

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.stop)

    def connected(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def asked(self, *parts: bytes) -> bytes:
        """Return all that a client receives that sends `parts`, until it is answered, and then nothing more."""
        return self.asked_slowly(parts, seconds=0)

    def asked_slowly(self, parts: Iterable[bytes], *, seconds: float) -> bytes:
        """The same, but the client waits so long after each part."""
        with self.connected() as client:
            with suppress(ConnectionError):
                for part in parts:
                    client.sendall(part)
                    if select.select([client], [], [], seconds)[0]:
                        break
            # A server that has answered and gone may have ended the connection before.
            with suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            return received(client)


def received(client: socket.socket) -> bytes:
    """Return all that comes until the connection ends."""
    return b"".join(iter(lambda: client.recv(1 << 20), b""))


@contextmanager
def serving(application: WSGIApplication, *, threads: int = 1, limits: Limits = Connection.limits) -> Iterator[Inside]:
    server = Inside(application, threads, limits)
    server.thread.start()
    assert server.runs.wait(TIMEOUT)
    try:
        yield server
    finally:
        server.end()
        server.thread.join(TIMEOUT)
        assert not server.thread.is_alive()
