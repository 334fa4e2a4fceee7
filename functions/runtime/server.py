"""The server around a WSGI application: gunicorn's threaded worker, in one process and without an arbiter above it.

Every function's container has one worker, and whoever runs the container restarts it: an arbiter would be a second
process that costs memory and start-up time and does nothing. docs/decisions has the figures.
"""

import logging
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn import sock
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 25
"""How long requests in flight may take after SIGTERM."""

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


class _Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Answers health beside the pool, so that a function whose threads are all busy isn't taken for dead."""

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - gunicorn's
        super().__init__(*arguments)
        self.probes = ThreadPoolExecutor(max_workers=1)

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401 - gunicorn's
        """Hand a connection to a thread as soon as something has arrived on it."""
        try:
            start = conn.sock.recv(24, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            if not conn.initialized:
                return self._wait_for_request(conn)
            start = b""  # the parser has read the next request together with the one before
        except OSError:
            start = b""
        pool = self.probes if _PROBE.match(start) else self.tpool
        answer = pool.submit(self.handle, conn)
        answer.add_done_callback(partial(self._answered, conn))
        return None

    def _answered(self, conn: Any, answer: Future[Any]) -> None:  # noqa: ANN401 - gunicorn's
        self.method_queue.defer(self.finish_request, conn, answer)

    def _wait_for_request(self, conn: Any) -> None:  # noqa: ANN401 - gunicorn's
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take part in accepting or not; at the end, take who is connected already and refuse everybody else."""
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            before = -1
            while before != self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        # Connections on which nothing was asked yet must not hold up the end either.
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)


def serve(make: Callable[[], Any], addresses: list[str], *, threads: int) -> None:
    """Serve the application that `make` builds on `addresses` (`host:port`) until SIGTERM; then drain and return."""
    # As the first process of a container this one ignores SIGTERM until something handles it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    options = {
        "bind": addresses,
        "threads": threads,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": 75,
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
