"""SQLAlchemy over pipelined connections: what it would ask the server besides the statements is known."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGIdentifierPreparer
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000
from sqlalchemy.engine.interfaces import ExecutionContext

from core.postgres.pipelined import DbapiConnection, Options


class Dialect(PGDialect_pg8000):
    """Postgres 14 or later, as every release of it is set up, with transactions that may be read-only.

    A statement with the execution option `unanswered` returns no rows: it goes out together with the next, or with the
    COMMIT, and what Postgres refuses of it is raised there. One with the option `last` has the COMMIT go out with it:
    its transaction is over, whatever comes of it. One with the option `prepared` is planned once for each connection,
    where that is direct.
    """

    driver = "pipelined"
    supports_statement_cache = True
    statement_compiler = PGCompiler  # type: ignore[assignment]  # not the one that doubles percent signs
    preparer = PGIdentifierPreparer  # type: ignore[assignment]  # the same

    def __init__(self, **options: object) -> None:
        """Write placeholders as Postgres itself does, which leaves nothing to be translated for each statement."""
        super().__init__(paramstyle="numeric_dollar", **options)  # type: ignore[no-untyped-call]  # SQLAlchemy's

    def connect(self, user: str, host: str, **options: Unpack[Options]) -> DbapiConnection:
        """Open a connection."""
        return DbapiConnection(user, host, **options)

    def initialize(self, connection: Connection) -> None:
        """Set what SQLAlchemy would ask the server for, which would delay the first request of a container."""
        statuses = connection.connection.dbapi_connection.parameter_statuses  # type: ignore[union-attr]  # ours
        self.server_version_info = (int(statuses["server_version"].partition(".")[0]),)
        self.default_schema_name = "public"
        self.default_isolation_level = "READ COMMITTED"
        self._backslash_escapes = False

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Return True, or raise if the connection has ended; without a query."""
        dbapi_connection.check()
        return True

    def do_execute(
        self,
        cursor: Any,
        statement: str,
        parameters: Sequence[object] | Mapping[str, object] | None,
        context: ExecutionContext | None = None,
    ) -> None:
        """Run a statement, or keep it for the next round trip when its answer is of no use."""
        options: Mapping[str, object] = {} if context is None else context.execution_options
        prepared = bool(options.get("prepared"))
        if options.get("unanswered"):
            cursor.execute_ahead(statement, parameters, prepared=prepared)
        else:
            cursor.execute(statement, parameters, last=bool(options.get("last")), prepared=prepared)

    def set_readonly(self, dbapi_connection: DbapiConnection, value: bool) -> None:
        """Let statements from now on only read, or write again; the next BEGIN says so."""
        dbapi_connection.read_only = value
