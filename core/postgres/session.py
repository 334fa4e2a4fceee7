"""Postgres for the event path's own processes: bare pg8000, a socket of our own, and no transaction left open."""

import contextlib
import select
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from core import sockets
from core.configuration import secret
from core.postgres.errors import Error
from core.postgres.pipelined import NativeConnection
from core.postgres.place import Place

Value = str | int | float | bytes | datetime | timedelta | Sequence["Value"] | Mapping[str, "Value"] | None
"""The types that a value of a statement may have."""

Row = list[Any]
"""A row, whose values have the types that the statement gives its columns."""


class Prepared(Protocol):
    """A statement that was prepared in a session."""

    def run(self, **values: Value) -> list[Row]:
        """Run the statement with the values of its parameters and return its rows."""


TIMEOUT: Final = 15
"""Seconds that any answer may take, unless `limit` says otherwise."""

_KEEPALIVE: Final = {
    socket.TCP_KEEPIDLE: 3,
    socket.TCP_KEEPINTVL: 1,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 6000,
}

_SERVER_KEEPALIVE: Final = {
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "6000",
}
"""The same at Postgres' end: what a session that is gone has locked, as the awake lock, would stay locked for hours."""


class Session:
    """A connection that commits every statement by itself."""

    def __init__(self, database: str, role: str, *, name: str) -> None:
        """`database` is `user_psql` or `shared_psql`; `name` is what pg_stat_activity shows."""
        place = Place.of(database)
        plain = socket.create_connection((place.host, place.port), timeout=5)
        for option, value in _KEEPALIVE.items():
            plain.setsockopt(socket.IPPROTO_TCP, option, value)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        plain.settimeout(TIMEOUT)
        try:
            self.connection = NativeConnection(
                f"botberi_{role}",
                place.host,
                verified=place.verified,
                password=secret(f"{database}-{role}".replace("_", "-")),
                database=place.name,
                sock=plain,
                application_name=name,
                startup_params=_SERVER_KEEPALIVE,
            )
        except BaseException:
            plain.close()
            raise
        # Encryption takes the descriptor away from the plain socket, which is of no use from then on.
        self.socket = self.connection.transport

    def limit(self, seconds: float) -> None:
        """Let any answer from now on take `seconds` at most, then raise InterfaceError; 0 is no limit."""
        sockets.limit(self.socket, seconds)

    def run(self, sql: str, **values: Value) -> list[Row]:
        """Run one statement with `:name` parameters and return its rows."""
        return self.connection.run(sql, **values) or []

    def prepare(self, sql: str) -> Prepared:
        """Return a statement with `:name` parameters that the server plans once, to be run often."""
        prepared: Prepared = self.connection.prepare(sql)
        return prepared

    def wait_notifications(self, seconds: float) -> list[tuple[str, str]]:
        """Return channel and payload of each notification as they arrive, none after so many seconds.

        The server is asked only then, whether it is there.
        """
        if not self.has_notifications:
            news = select.poll()
            news.register(self.socket, select.POLLIN)
            if not news.poll(seconds * 1000):
                return self.notifications()
            self.connection.take_unasked()
        return self._taken()

    @property
    def has_notifications(self) -> bool:
        """Whether notifications have been read that `notifications` has not returned yet."""
        return bool(self.connection.notifications)

    def notifications(self) -> list[tuple[str, str]]:
        """Return channel and payload of each notification that has arrived since the last call, asking the server."""
        self.connection.run("")
        return self._taken()

    def _taken(self) -> list[tuple[str, str]]:
        arrived = [(channel, payload) for _, channel, payload in self.connection.notifications]
        self.connection.notifications.clear()
        return arrived

    def close(self) -> None:
        """Close without waiting for the server."""
        # Shut down first: pg8000's goodbye would block on a server that is gone.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(Error, OSError):
            self.connection.close()
        self.socket.close()


class Reconnecting:
    """A session that is opened when it is needed, and anew after it was closed; for one thread at a time."""

    def __init__(self, database: str, role: str, *, name: str) -> None:
        """Take what `Session` takes."""
        self.database = database
        self.role = role
        self.name = name
        self._session: Session | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a session; its connection may have been lost."""
        return self._session is not None

    def open(self) -> Session:
        """Return the session, connecting if there is none, or raise."""
        if self._session is None:
            self._session = Session(self.database, self.role, name=self.name)
        return self._session

    def close(self) -> None:
        """Close the session, if there is one; to be called after any error, since its state is unknown then."""
        if self._session is not None:
            self._session.close()
            self._session = None
