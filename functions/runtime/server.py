"""The server around a WSGI application: one process, whose threads take what arrives from one list kept by the kernel.

HTTP is gunicorn's: its parser, its answers, its connections. Its scheduling is not, because that hands each request
from one thread to another and back, and an arbiter above it would be a second process that does nothing: every
function's container has one worker, and whoever runs the container restarts it. docs/decisions has the figures.
"""

import contextlib
import logging
import os
import re
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from gunicorn import sock
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 25
"""How long requests in flight may take after SIGTERM."""

LINGER_SECONDS: Final = 2
"""How long after SIGTERM a connection stays open on which nothing is under way: a request may be on its way to it."""

KEEP_SECONDS: Final = 75
"""How long a connection stays open on which nothing is asked."""

_ONCE: Final = select.EPOLLIN | select.EPOLLONESHOT
"""Something to read, told to one thread, and not again before it is asked for."""

_PROBE: Final = re.compile(rb"(GET|HEAD) /_/(health|ready)[ ?]")


class _Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, wsgi: Any, options: dict[str, Any]) -> None:  # noqa: ANN401 - a WSGI application
        self.wsgi_application = wsgi
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # noqa: ANN401 - a WSGI application
        return self.wsgi_application


class _Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """Who is connected. It waits in `fresh` until its first request, then in `ready`."""

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - gunicorn's
        super().__init__(*arguments)
        self.data_ready = True
        self.fresh = True
        self.busy = False
        self.set_timeout()

    @property
    def unread(self) -> bytes:
        """The beginning of what has arrived and wasn't read."""
        try:
            return bytes(self.sock.recv(24, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return b""


class _Outlet:
    """Sends an answer's head together with its body, or what there is of it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.head: bytes | None = None

    def sendall(self, data: bytes) -> None:
        if self.head is None:
            self.head = data
        else:
            self.sock.sendall(self.head + data)
            self.head = b""

    def flush(self) -> None:
        if self.head:
            self.sendall(b"")

    @property
    def used(self) -> bool:
        """Whether anything was sent."""
        return self.head == b""


class _Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads that all wait for the same connections: the kernel wakes one of them for each request.

    The main thread accepts, and looks at how each connection begins. A probe is answered beside the other threads, so
    that a function whose threads are all busy isn't taken for dead.
    """

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=1)

    def run(self) -> None:
        self.connections: dict[int, _Connection] = {}
        self.fresh, self.ready = select.epoll(), select.epoll()
        self.listeners = {listener.fileno(): listener for listener in self.sockets}
        for place, listener in self.listeners.items():
            listener.setblocking(False)
            self.fresh.register(place, select.EPOLLIN)
        # Signals write to it.
        self.fresh.register(self.PIPE[0], select.EPOLLIN)
        for _ in range(self.cfg.threads):
            threading.Thread(target=self._answer_whoever_is_next, daemon=True).start()
        while self.alive and self.is_parent_alive():
            self._look(seconds=1)
            self._end_idle()
        self._drain()
        self.nr_conns = len(self.connections)

    def handle_exit(self, *_: Any) -> None:  # noqa: ANN401 - a signal's number and frame
        self.alive = False

    def _look(self, seconds: float) -> None:
        for place, _ in self.fresh.poll(seconds):
            if place in self.listeners:
                self._accept(self.listeners[place])
            elif place == self.PIPE[0]:
                os.read(place, 1024)
            else:
                self._begin(self.connections[place])

    def _accept(self, listener: Any) -> None:  # noqa: ANN401 - gunicorn's socket
        try:
            while True:
                client, address = listener.accept()
                connection = _Connection(self.cfg, client, address, listener.getsockname())
                self.connections[client.fileno()] = connection
                self.fresh.register(client.fileno(), select.EPOLLIN)
        except BlockingIOError:
            pass
        except OSError:
            log.exception("a connection can't be accepted")
            time.sleep(0.1)

    def _begin(self, connection: _Connection) -> None:
        place = connection.sock.fileno()
        self.fresh.unregister(place)
        if _PROBE.match(connection.unread):
            connection.busy = True
            self.tpool.submit(self._answer, connection)
        else:
            connection.fresh = False
            self.ready.register(place, _ONCE)

    def _answer_whoever_is_next(self) -> None:
        while True:
            for place, _ in self.ready.poll(maxevents=1):
                connection = self.connections[place]
                connection.busy = True
                self._answer(connection)

    def _answer(self, connection: _Connection) -> None:
        place = connection.sock.fileno()
        keep = self.handle(connection)
        while keep and connection.parser.unreader.buf.getvalue():
            # The parser has read the next request together with the one before.
            keep = self.handle(connection)
        if not keep:
            self._end(place, connection)
            return
        connection.set_timeout()
        connection.busy = False
        if connection.fresh:
            self.fresh.register(place, select.EPOLLIN)
        else:
            self.ready.modify(place, _ONCE)

    def handle_request(self, request: Any, connection: _Connection) -> bool:  # noqa: ANN401 - gunicorn's
        """Answer one request; tell whether there may be more on the connection."""
        answer, environ = wsgi.create(request, connection.sock, connection.client, connection.server, self.cfg)
        answer.sock = outlet = _Outlet(connection.sock)
        environ["wsgi.multithread"] = True
        if not self.alive:
            answer.force_close()
        try:
            self._run(environ, answer)
            outlet.flush()
        except Exception:
            if not outlet.used:
                raise
            log.exception("an answer broke off")
            return False
        return not answer.should_close()

    def _run(self, environ: dict[str, Any], answer: Any) -> None:  # noqa: ANN401 - gunicorn's
        parts = self.wsgi(environ, answer.start_response)
        try:
            for part in parts:
                answer.write(part)
            answer.close()
        finally:
            if hasattr(parts, "close"):
                parts.close()

    def _end(self, place: int, connection: _Connection) -> None:
        del self.connections[place]
        with contextlib.suppress(OSError):
            connection.close(graceful=True)

    def _end_idle(self) -> None:
        now = time.monotonic()
        for place, connection in list(self.connections.items()):
            if connection.busy or connection.timeout > now or connection.unread:
                continue
            if connection.fresh:
                self._end(place, connection)
            else:
                # Whoever waits for it finds its end and closes it: two threads must not.
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _drain(self) -> None:
        """Take who is connected already and refuse everybody else; then wait for what is under way."""
        for listener in self.sockets:
            self._accept(listener)
            listener.close()
        began = time.monotonic()
        for connection in list(self.connections.values()):
            connection.timeout = min(connection.timeout, began + LINGER_SECONDS)
        while self.connections and time.monotonic() < began + GRACE_SECONDS:
            self._look(seconds=0.05)
            self._end_idle()


def serve(make: Callable[[], Any], addresses: list[str], *, threads: int) -> None:
    """Serve the application that `make` builds on `addresses` (`host:port`) until SIGTERM; then drain and return."""
    # As the first process of a container this one ignores SIGTERM until something handles it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    options = {
        "bind": addresses,
        "threads": threads,
        "keepalive": KEEP_SECONDS,
        # Nobody is believed about what came before it.
        "forwarded_allow_ips": "",
        # The most that it allows: a search in a script that needs nine characters for each of its own is long.
        "limit_request_line": 8190,
        "accesslog": None,
        "loglevel": "warning",
        "worker_tmp_dir": "/dev/shm",  # noqa: S108 - a heartbeat file that must not touch a disk
    }
    application = _Application(make(), options)
    logger = Logger(application.cfg)
    sockets = sock.create_sockets(application.cfg, logger)
    worker = _Worker(1, os.getppid(), sockets, application, 0, application.cfg, logger)
    started = time.monotonic()
    worker.init_process()
    if worker.nr_conns > 0:
        log.error("%s requests took longer than %s s to end", worker.nr_conns, GRACE_SECONDS)
        logging.shutdown()
        # Threads can't be ended, and Python would wait for them.
        os._exit(1)
    log.info("stopped after %.0f s", time.monotonic() - started)
