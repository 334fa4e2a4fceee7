"""Database sessions for handlers: one engine per database and role in a process, made when it is first needed.

The role is the part that runs (`user`, `admin`, `broker`, `subscribers`, `worker`), so that each can do no more than it
must. Where the database is, `core/postgres/place.py` reads; the password comes from the secret `user-psql-<role>` or
`shared-psql-<role>`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from core.configuration import secret
from core.once import once
from functions.domain.api_errors import Unavailable
from functions.domain.databases import SharedDb, UserDb

POOL_SIZE: Final = 3
"""Connections per process, database and role; the sum over all functions must stay below the server's limit."""

DIRECT: Final = frozenset({"runner"})
"""Roles that come by no pooler: what is prepared in a connection of theirs is there for the next transaction."""

CONNECT_TIMEOUT: Final = 10
"""Seconds that any answer of Postgres may take; its own statement_timeout is shorter."""


class DatabaseUnavailable(Unavailable):
    """The service is not available just now: try again shortly."""


@once
def engine(database: str, role: str) -> Engine:
    """Return this process' engine for a database (`user_psql`, `shared_psql`) in a role."""
    # Imported when the first engine is made: not every function has a database.
    from core.postgres.place import Place

    registry.register("postgresql.pipelined", "core.postgres.dialect", "Dialect")
    place = Place.of(database)
    url = URL.create(
        "postgresql+pipelined",
        username=f"botberi_{role}",
        password=secret(f"{database}-{role}".replace("_", "-")),
        host=place.host,
        port=place.port,
        database=place.name,
    )
    return create_engine(
        url,
        hide_parameters=True,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT,
        pool_pre_ping=True,
        pool_use_lifo=True,
        connect_args={
            "timeout": CONNECT_TIMEOUT,
            "application_name": f"botberi-{role}",
            "verified": place.verified,
            "direct": role in DIRECT,
        },
    )


@contextmanager
def transaction(database: str, role: str, *, read_only: bool = False) -> Iterator[Connection]:
    """Open a transaction that commits at the end of the block and rolls back when the block raises.

    With `read_only` nothing can be changed, and each statement is a transaction of its own in one round trip.

    Raises DatabaseUnavailable, with the database's name for the log as its cause, when Postgres can't be reached
    or is too busy.
    """
    try:
        with _connected(database, role) as connection:
            if read_only:
                connection.execution_options(postgresql_readonly=True)
            with connection.begin():
                yield connection
    except DBAPIError as error:
        if error.connection_invalidated or is_outage(error):
            raise DatabaseUnavailable from DependencyDownError(database, error)
        raise


def _connected(database: str, role: str) -> Connection:
    known = engine(database, role)
    try:
        return known.connect()
    except (PoolTimeoutError, OSError) as error:
        # All connections are in use; or a connection was being made when the time was up, which pg8000 leaves bare.
        raise DatabaseUnavailable from DependencyDownError(database, error)


class DependencyDownError(Exception):
    """A dependency can't be reached: the name and the cause are for the log, never for an answer."""

    def __init__(self, name: str, cause: BaseException) -> None:
        """`name` is the part's name in the topology, such as `shared_psql`."""
        super().__init__(f"{name} can't be reached: {described(cause)}")
        self.name = name
        self.cause = cause


_NAMED: Final = re.compile(r"\s*(update|insert into|delete from|select\b.*?\bfrom)\s+(\w+)", re.IGNORECASE | re.DOTALL)


def described(error: BaseException) -> str:
    """Return what went wrong for the log: of Postgres' errors the SQLSTATE and what the statement was about.

    Neither a value nor the statement's text is part of it.
    """
    if not isinstance(error, DBAPIError):
        return str(error)
    code = sqlstate(error) or type(error.orig).__name__
    return f"{code} in {_named(error.statement or 'commit')}"


def _named(statement: str) -> str:
    """Return the verb and the first table of a statement, `insert into accounts`; of others the first word."""
    found = _NAMED.match(statement)
    if found is None:
        return statement.split(maxsplit=1)[0].lower()
    verb = found[1].lower()
    return f"{'select' if verb.startswith('select') else verb} {found[2]}"


def sqlstate(error: DBAPIError) -> str | None:
    """Return Postgres' code of an error; None when the error isn't Postgres'."""
    original = error.orig
    details = original.args[0] if original is not None and original.args else None
    return str(details["C"]) if isinstance(details, dict) and "C" in details else None


_OUTAGES: Final = ("08", "57", "53", "55P03", "40001", "40P01")
"""The beginnings of SQLSTATEs: connection exception, operator intervention (shutdown, statement_timeout), insufficient
resources; lock_timeout, serialization failure, deadlock."""


def is_outage(error: DBAPIError) -> bool:
    """Return whether Postgres was unreachable, going down or too busy: the same statement may work the next time."""
    if isinstance(error.orig, OSError):
        return True
    code = sqlstate(error)
    if code is not None:
        return code.startswith(_OUTAGES)
    return type(error.orig).__name__ == "InterfaceError"


@contextmanager
def user_transaction(role: str, *, read_only: bool = False) -> Iterator[UserDb]:
    """Open a transaction on user_psql."""
    with transaction("user_psql", role, read_only=read_only) as connection:
        yield UserDb(connection)


@contextmanager
def shared_transaction(role: str, *, read_only: bool = False) -> Iterator[SharedDb]:
    """Open a transaction on shared_psql."""
    with transaction("shared_psql", role, read_only=read_only) as connection:
        yield SharedDb(connection)
