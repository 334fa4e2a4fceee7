"""The server around a WSGI application: gunicorn, started from here so that every limit is ours."""

from collections.abc import Callable
from typing import Any, Final

from gunicorn.app.base import BaseApplication

GRACE_SECONDS: Final = 25
"""How long requests in flight may take after SIGTERM."""


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, make: Callable[[], Any], options: dict[str, Any]) -> None:
        self.make = make
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # noqa: ANN401 - a WSGI application
        return self.make()


def serve(make: Callable[[], Any], addresses: list[str], *, threads: int) -> None:
    """Serve the application that `make` builds on `addresses` (`host:port`) until SIGTERM; then drain and return."""
    options = {
        "bind": addresses,
        "workers": 1,
        "worker_class": "gthread",
        "threads": threads,
        "timeout": 0,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": 75,
        "accesslog": None,
        "loglevel": "warning",
        # Its control socket would lie in HOME, shared by every process of a user, which in a container is read-only.
        "control_socket_disable": True,
        "worker_tmp_dir": "/dev/shm",  # noqa: S108 - a heartbeat file that must not touch a disk
    }
    _Server(make, options).run()
