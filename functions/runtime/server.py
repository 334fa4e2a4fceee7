"""The server around a WSGI application: one process, whose threads take what arrives from one list kept by the kernel.

There is no second process above it: every function's container has one worker, and whoever runs the container restarts
it. docs/decisions has the figures.
"""

import logging
import os
import re
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from core import sockets
from functions.runtime.connection import Connection
from functions.runtime.wsgi import Application

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 25
"""How long requests in flight may take after SIGTERM."""

LINGER_SECONDS: Final = 2
"""How long after SIGTERM a connection stays open on which nothing is under way: a request may be on its way to it."""

STALL_SECONDS: Final = 30
"""How long a client may send nothing of what is left of a body that is too large."""

_PROBE: Final = re.compile(rb"(GET|HEAD) /_/(health|ready)[ ?]")


class _Client(Connection):
    """A connection as the server keeps it. It waits in `fresh` until its first request, then in `ready`."""

    fresh = True
    busy = False


class _Server:
    """Threads that all wait for the same connections: the kernel wakes one of them for each request.

    The main thread accepts, and looks at how each connection begins. A probe is answered beside the other threads, so
    that a function whose threads are all busy isn't taken for dead.
    """

    def __init__(self, application: Application, listeners: Sequence[socket.socket], threads: int) -> None:
        self.application = application
        self.listeners = {listener.fileno(): listener for listener in listeners}
        self.threads = threads
        self.alive = True
        self.connections: dict[int, _Client] = {}
        self.fresh, self.ready = select.epoll(), select.epoll()
        self.probes = ThreadPoolExecutor(max_workers=1)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, and until what is under way then has ended."""
        woken, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # A signal writes to it, which ends the wait for connections.
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._stop)
        for place in (woken, *self.listeners):
            self.fresh.register(place, select.EPOLLIN)
        for _ in range(self.threads):
            threading.Thread(target=self._answer_whoever_is_next, daemon=True).start()
        while self.alive:
            self._look(seconds=1)
            self._end_idle()
        signal.set_wakeup_fd(-1)
        self.fresh.unregister(woken)
        self._drain()

    def _stop(self, _number: int, _frame: object) -> None:
        self.alive = False

    def _look(self, seconds: float) -> None:
        for place, _ in self.fresh.poll(seconds):
            if place in self.listeners:
                self._accept(self.listeners[place])
            elif place in self.connections:
                self._begin(self.connections[place])

    def _accept(self, listener: socket.socket) -> None:
        try:
            while True:
                client, address = listener.accept()
                client.setblocking(True)
                self.connections[client.fileno()] = _Client(client, address[:2], listener.getsockname()[:2])
                self.fresh.register(client.fileno(), select.EPOLLIN)
        except BlockingIOError:
            pass
        except OSError:
            log.exception("a connection can't be accepted")
            time.sleep(0.1)

    def _begin(self, client: _Client) -> None:
        place = client.socket.fileno()
        self.fresh.unregister(place)
        if _PROBE.match(client.unread):
            client.busy = True
            self.probes.submit(self._answer, client)
        else:
            client.fresh = False
            self.ready.register(place, _awaited(client))

    def _answer_whoever_is_next(self) -> None:
        while True:
            for place, _ in self.ready.poll(maxevents=1):
                client = self.connections[place]
                client.busy = True
                self._answer(client)

    def _answer(self, client: _Client) -> None:
        place = client.socket.fileno()
        try:
            keep = client.answer(self.application, lambda: self.alive)
        except Exception:
            # A thread that ends isn't missed until all have.
            log.exception("a connection ended by a bug")
            keep = False
        if not keep:
            self._end(place, client)
            return
        client.busy = False
        if client.fresh and not client.unsent:
            self.fresh.register(place, select.EPOLLIN)
        elif client.fresh:
            client.fresh = False
            self.ready.register(place, _awaited(client))
        else:
            self.ready.modify(place, _awaited(client))

    def _end(self, place: int, client: _Client) -> None:
        del self.connections[place]
        client.close()

    def _end_idle(self) -> None:
        now = time.monotonic()
        for place, client in list(self.connections.items()):
            if client.busy or client.deadline > now or (client.unread and not client.under_way):
                continue
            if client.fresh:
                self._end(place, client)
            else:
                # Whoever waits for it finds its end and closes it: two threads must not.
                with suppress(OSError):
                    client.socket.shutdown(socket.SHUT_RDWR)

    def _drain(self) -> None:
        """Take who is connected already and refuse everybody else; then wait for what is under way."""
        for listener in self.listeners.values():
            self._accept(listener)
            self.fresh.unregister(listener)
            listener.close()
        began = time.monotonic()
        for client in list(self.connections.values()):
            if not client.under_way:
                client.deadline = min(client.deadline, began + LINGER_SECONDS)
        while self.connections and time.monotonic() < began + GRACE_SECONDS:
            self._look(seconds=0.05)
            self._end_idle()


def _awaited(client: _Client) -> int:
    """Return what a client is waited for: told to one thread, and not again before it is asked for."""
    return (select.EPOLLOUT if client.unsent else select.EPOLLIN) | select.EPOLLONESHOT


def _listening(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=2048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Connections inherit it.
    sockets.limit(listener, STALL_SECONDS)
    listener.setblocking(False)
    return listener


def serve(make: Callable[[], Application], addresses: list[str], *, threads: int) -> None:
    """Serve the application that `make` builds on `addresses` (`host:port`) until SIGTERM; then drain and return."""
    # As the first process of a container this one ignores SIGTERM until something handles it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    application = make()
    server = _Server(application, [_listening(each) for each in addresses], threads)
    started = time.monotonic()
    server.run()
    if server.connections:
        log.error("%s requests took longer than %s s to end", len(server.connections), GRACE_SECONDS)
        logging.shutdown()
        # Threads can't be ended, and Python would wait for them.
        os._exit(1)
    log.info("stopped after %.0f s", time.monotonic() - started)
