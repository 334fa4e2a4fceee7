"""Serve a function with one of the servers that were compared: `serve.py SERVER FILE THREADS PORT`."""

import logging
import signal
import sys
import threading
from pathlib import Path
from typing import Any


def make(file: Path) -> Any:  # noqa: ANN401 - a WSGI application
    """Return the host of one function."""
    from core import logs
    from functions.runtime.hosting import Host

    logs.configure("bench", level="WARNING")
    return Host([file], {})


def ours(file: Path, threads: int, port: int) -> None:
    """Serve by functions/runtime/http: uvicorn, and threads around it."""
    from functions.runtime import problems
    from functions.runtime.http.server import serve

    serve(lambda: make(file), [f"127.0.0.1:{port}"], threads=threads, problem=problems.of_request)


def gunicorn(file: Path, threads: int, port: int) -> None:
    """Serve by gunicorn's threaded worker under its arbiter."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            options = {
                "bind": [f"127.0.0.1:{port}"],
                "worker_class": "gthread",
                "threads": threads,
                "timeout": 0,
                "keepalive": 75,
                "loglevel": "warning",
                "control_socket_disable": True,
            }
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Any:  # noqa: ANN401 - a WSGI application
            return make(file)

    Server().run()


def granian(file: Path, threads: int, port: int) -> None:
    """Serve by Granian's WSGI interface: the HTTP is Rust's."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces

    server = Granian(
        "function",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        blocking_threads=threads,
        log_enabled=False,
    )
    server.serve(target_loader=lambda: make(file), wrap_loader=False)


def waitress(file: Path, threads: int, port: int) -> None:
    """Serve by Waitress: one process, threads, no dependencies."""
    from waitress.server import create_server

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    create_server(make(file), listen=f"127.0.0.1:{port}", threads=threads).run()


def cheroot(file: Path, threads: int, port: int) -> None:
    """Serve by CherryPy's server: one process, threads."""
    from cheroot.wsgi import Server

    server = Server(("127.0.0.1", port), make(file), numthreads=threads, max=threads)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.stop).start())
    server.start()


def bare(file: Path, _threads: int, port: int) -> None:
    """Serve by functions-framework's own server and settings, as `functions-framework --target` does."""
    from functions_framework import create_app
    from functions_framework._http import create_server

    create_server(create_app(file.stem, str(file), "http"), False).run("127.0.0.1", port)  # type: ignore[no-untyped-call]


SERVERS = {each.__name__: each for each in (ours, gunicorn, granian, waitress, cheroot, bare)}

if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    SERVERS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
