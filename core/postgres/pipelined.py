"""pg8000 connections that wait for the server once for each statement, where pg8000's own wait three times.

A statement's parse, bind, describe and execute go out together, with the BEGIN of its transaction in front when it is
the first, and with its COMMIT behind when it may only read or is the last. A statement whose answer nobody reads waits
for the next, or for the COMMIT, and goes out in front of it. Nothing is prepared under a name, so that a pooler in
transaction mode may sit in between, unless a connection is told that none does.
"""

import re
import select
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import IO, Final, TypedDict, Unpack

from pg8000 import dbapi, legacy, native
from pg8000.converters import TIMESTAMPTZ, make_params, timestamptz_in
from pg8000.core import (
    EXECUTE_MSG,
    IN_FAILED_TRANSACTION,
    IN_TRANSACTION,
    READY_FOR_QUERY,
    SYNC_MSG,
    Context,
    CoreConnection,
)
from pg8000.exceptions import DatabaseError, InterfaceError

from core import sockets
from core.postgres.questions import BEGIN, BEGIN_READ_ONLY, COMMIT, EXECUTE, FORGET, bind, parse

_MANY: Final = 200
"""Shapes of answers that are remembered: more than a process has statements."""

_CHUNK: Final = 64 * 1024
"""Bytes that are read at a time."""

_DATA_EXCEPTION: Final = "22"
"""The class of the SQLSTATEs for values that are not what they have to be."""

_HEAD: Final = struct.Struct("!ci")

_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""Asks the server whether it encrypts: `S` is yes."""

_TOLD: Final = frozenset("SVCMstcndR")
"""Fields of Postgres' errors that are kept: severity, code, message, and the names of what it is about. The detail, the
hint, the context and the statement may quote values."""

_QUOTED: Final = re.compile('".*"', re.DOTALL)


@cache
def _encryption(*, verified: bool) -> ssl.SSLContext:
    """Return the TLS context of connections of this process that verify the server's certificate, or that don't.

    Which authorities are believed, the machine says, or the environment variable SSL_CERT_FILE.
    """
    if verified:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _connected(host: str, port: int, timeout: float | None) -> socket.socket:
    try:
        connection = socket.create_connection((host, port), timeout)
    except OSError as error:
        message = f"Can't create a connection to host {host} and port {port} (timeout is {timeout})."
        raise InterfaceError(message) from error
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


def _encrypted(connection: socket.socket, host: str, *, verified: bool) -> socket.socket:
    """Return the connection, encrypted if the server can, as pg8000 does, or encrypted and `verified` in any case.

    pg8000 makes a context for each connection, and loads into it the certificates of the machine, which it never looks
    at: 30 ms of processor time, where all the rest of connecting takes 4.
    """
    try:
        connection.sendall(_SSL_REQUEST)
        if connection.recv(1) == b"S":
            return _encryption(verified=verified).wrap_socket(connection, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        connection.close()
        message = f"the certificate of {host} is not to be believed: {error.verify_message}"
        raise InterfaceError(message) from error
    except OSError as error:
        connection.close()
        raise InterfaceError("network error") from error
    if verified:
        connection.close()
        message = f"{host} doesn't encrypt, and the setting says that it has to"
        raise InterfaceError(message)
    return connection


def _time(text: str) -> object:
    """Return what a `timestamptz` is read as. pg8000 does it by strptime, which takes a hundred times as long."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return timestamptz_in(text)


class Options(TypedDict, total=False):
    """What is said to the server when connecting, besides the user's name, and which way to the server."""

    database: str
    password: str | None
    application_name: str
    startup_params: dict[str, str]
    port: int
    timeout: float | None
    sock: socket.socket | None
    verified: bool
    direct: bool


class Discreet(CoreConnection):  # type: ignore[misc]  # pg8000 has no types
    """A connection whose errors hold no value of a statement, wherever they end up."""

    def __init__(self, user: str, host: str = "localhost", **options: Unpack[Options]) -> None:
        """Connect over `sock` or anew; then a wait ends after `timeout` seconds.

        `verified` has it raise InterfaceError where the server has no certificate for `host`.
        """
        port, timeout = options.pop("port", 5432), options.pop("timeout", None)
        sock, verified = options.pop("sock", None), options.pop("verified", False)
        connection = _encrypted(sock or _connected(host, port, timeout), host, verified=verified)
        try:
            super().__init__(user, sock=connection, ssl_context=False, **options)
        except BaseException:
            # pg8000 closes it if the log-in fails, but not if the server goes before that. A file keeps it open.
            file: IO[bytes] | None = getattr(self, "_sock", None)
            if file is not None:
                with suppress(OSError):
                    file.close()
            connection.close()
            raise

    def handle_ERROR_RESPONSE(self, data: bytes, context: Context) -> None:
        """Take in an error, without the fields that may quote what was written."""
        super().handle_ERROR_RESPONSE(data, context)
        fields = {name: text for name, text in context.error.args[0].items() if name in _TOLD}
        if fields.get("C", "").startswith(_DATA_EXCEPTION):
            # Of all messages these alone quote values: `invalid input syntax for type integer: "…"`.
            fields["M"] = _QUOTED.sub('"…"', fields["M"])
        context.error = DatabaseError(fields)


class DiscreetNative(Discreet, native.Connection):  # type: ignore[misc]  # pg8000 has no types
    """pg8000's native connection, whose errors hold no values."""


class DiscreetLegacy(Discreet, legacy.Connection):  # type: ignore[misc]  # pg8000 has no types
    """pg8000's legacy connection, as SQLAlchemy needs it for migrations, whose errors hold no values."""


class Pipelined(Discreet):
    """What both of pg8000's kinds of connection need to ask everything about a statement in one round trip."""

    def __init__(self, user: str, host: str = "localhost", **options: Unpack[Options]) -> None:
        """Connect as pg8000 does."""
        self._shapes: dict[bytes, tuple[object, object]] = {}
        self._before = 0
        """Commands in front of a question, whose answers come first and are of no use."""
        super().__init__(user, host, **options)
        self.register_in_adapter(TIMESTAMPTZ, _time)
        self.notifications: deque[tuple[int, str, str]] = deque()
        """Process, channel and payload of each that has arrived; of pg8000's own only the last hundred are kept."""
        seconds = self._usock.gettimeout()
        if seconds is not None:
            sockets.limit(self._usock, seconds)

    @property
    def transport(self) -> socket.socket:
        """The socket that the connection reads and writes: where Postgres encrypts, another than it was given."""
        found: socket.socket = self._usock
        return found

    def execute_unnamed(
        self,
        statement: str,
        vals: Sequence[object] = (),
        oids: Sequence[int] = (),
        stream: object = None,
    ) -> Context:
        """Run one statement with its values, in one round trip."""
        context = Context(statement, stream=stream)
        self._ask(self._around(self.question(statement, vals, oids) + EXECUTE))
        self.handle_messages(context)
        return context

    def question(self, statement: str, vals: Sequence[object], oids: Sequence[int]) -> bytes:
        """Return the messages by which a statement is parsed and given its values."""
        return parse(statement.encode(self._client_encoding), oids) + bind(self._values(vals))

    def _values(self, vals: Sequence[object]) -> tuple[bytes | None, ...]:
        encoding = self._client_encoding
        return tuple(None if each is None else each.encode(encoding) for each in make_params(self.py_types, vals))

    def _around(self, question: bytes) -> bytes:
        """Return the messages of a question with those of the statements that are sent in front of it and behind."""
        return question

    def _ask(self, messages: bytes) -> None:
        if self._usock is None:
            raise InterfaceError("connection is closed")
        try:
            self._usock.sendall(messages + SYNC_MSG)
        except OSError as error:
            # The words by which whoever pools connections knows that this one is gone.
            raise InterfaceError("network error") from error

    def close(self) -> None:
        """End the connection, also when the other side has ended it before."""
        if self._usock is None:
            raise InterfaceError("connection is closed")
        # Nobody is there to say goodbye to; the socket is closed all the same.
        with suppress(InterfaceError):
            super().close()

    def register_in_adapter(self, oid: int, in_func: Callable[[str], object]) -> None:
        """Convert the values of a type by `in_func` from now on."""
        self._shapes.clear()
        super().register_in_adapter(oid, in_func)

    def handle_messages(self, context: Context) -> None:
        """Read the answer to one question, and whatever else has arrived behind it; raise the error that it holds."""
        # Another thread that closes the connection, to end this wait, takes it away.
        transport = self._usock
        try:
            self._read_messages(context)
        except BaseException:
            # Nobody knows where the next answer begins: the rest of this one must not be taken for it.
            with suppress(OSError):
                transport.shutdown(socket.SHUT_RDWR)
            raise
        if context.error is not None:
            raise context.error

    def take_unasked(self) -> None:
        """Take in what the server has sent without being asked, such as notifications; waits until something comes."""
        context = Context("")
        self._read_messages(context, ready=True)
        if context.error is not None:
            raise context.error

    def _read_messages(self, context: Context, *, ready: bool = False) -> None:
        rest = b""
        while True:
            data, place = rest + self._arrived(), 0
            while len(data) - place >= _HEAD.size:
                code, size = _HEAD.unpack_from(data, place)
                end = place + 1 + size
                if end > len(data):
                    data += self._arrived(end - len(data))
                self.message_types[code](data[place + _HEAD.size : end], context)
                ready = ready or code == READY_FOR_QUERY
                place = end
            rest = data[place:]
            if ready and not rest:
                return

    def _arrived(self, least: int = 1) -> bytes:
        """Return the bytes that arrive next, `least` or more; waits for them, and raises InterfaceError at the end."""
        parts = []
        while least > 0:
            try:
                part = self._sock.read1(_CHUNK)
            except OSError as error:
                raise InterfaceError("network error") from error
            if not part:
                # The end, or the end of the time.
                raise InterfaceError("network error")
            parts.append(part)
            least -= len(part)
        return b"".join(parts)

    def handle_NOTIFICATION_RESPONSE(self, data: bytes, context: Context) -> None:  # noqa: ARG002 - pg8000's
        """Keep a notification, whatever its text: pg8000 would raise on one that isn't ASCII."""
        channel, payload, _ = data[4:].split(b"\0", 2)
        process = int.from_bytes(data[:4])
        self.notifications.append((process, channel.decode(errors="replace"), payload.decode(errors="replace")))

    def handle_COMMAND_COMPLETE(self, data: bytes, context: Context) -> None:
        """Take in how many rows the command was about that was asked for, whatever went out together with it."""
        if self._before:
            self._before -= 1
        elif data != b"COMMIT\0":
            super().handle_COMMAND_COMPLETE(data, context)

    def handle_ROW_DESCRIPTION(self, data: bytes, context: Context) -> None:
        """Take in what the columns are, which is remembered: it takes longer to read than the row."""
        known = self._shapes.get(data)
        if known is None:
            super().handle_ROW_DESCRIPTION(data, context)
            if len(self._shapes) < _MANY:
                self._shapes[data] = (context.columns, context.input_funcs)
            return
        context.columns, context.input_funcs = known
        if context.rows is None:
            context.rows = []


class NativeConnection(Pipelined, native.Connection):  # type: ignore[misc]  # pg8000 has no types
    """A connection on which every statement is a transaction of its own."""


class DbapiConnection(Pipelined, dbapi.Connection):  # type: ignore[misc]  # pg8000 has no types
    """A connection with transactions, each of which begins with its first statement."""

    def __init__(self, user: str, host: str = "localhost", **options: Unpack[Options]) -> None:
        """Connect as pg8000 does."""
        self.read_only: bool = False
        """Whether nothing may be changed from now on. Each statement then is a whole transaction, in one round trip:
        at "read committed" every statement sees what was committed before it anyway."""
        self._transaction_status: bytes | None = None
        self._ahead: list[bytes] = []
        """Statements that wait for the next one."""
        self._names: dict[bytes, bytes] | None = {} if options.pop("direct", False) else None
        """The names of statements that are prepared; None where nothing may be."""
        self._forgets = False
        """Whether it isn't known what is prepared, so that all of it has to be forgotten."""
        super().__init__(user, host, **options)
        self._unasked = select.poll()
        self._unasked.register(self._usock, select.POLLIN)

    def cursor(self) -> "Cursor":
        """Return a cursor."""
        return Cursor(self)

    def run(self, question: bytes, context: Context, *, last: bool = False) -> None:
        """Run one statement; with `last` the COMMIT goes out behind it, in its round trip."""
        self._ask(self._around(question + EXECUTE, last=last))
        self.handle_messages(context)

    def run_ahead(self, question: bytes) -> None:
        """Run a statement that returns no rows in front of the next one, or of the COMMIT, and in its round trip.

        If it fails, so does the next, with its error. When the transaction is rolled back before, it is never sent.
        """
        self._ahead.append(question + EXECUTE_MSG)

    def prepared(self, statement: str, vals: Sequence[object], oids: Sequence[int]) -> bytes:
        """Return the question for a statement that Postgres keeps with its plan, unless a pooler may sit in between."""
        if self._names and self._forgets and not (self._in_transaction or self._ahead):
            self._names.clear()
            self._ahead.append(FORGET)
            self._forgets = False
        if self._names is None or self._forgets:
            return self.question(statement, vals, oids)
        key = parse(statement.encode(self._client_encoding), oids)
        name = self._names.get(key)
        if name is not None:
            return bind(self._values(vals), name)
        name = self._names[key] = b"%d" % len(self._names)
        return parse(statement.encode(self._client_encoding), oids, name) + bind(self._values(vals), name)

    def _around(self, question: bytes, *, last: bool = False) -> bytes:
        self._before = len(self._ahead)
        if self._ahead:
            question = b"".join(self._ahead) + question
            self._ahead.clear()
        if self._in_transaction or self.autocommit:
            return question + COMMIT if last else question
        self._before += 1
        question = (BEGIN_READ_ONLY if self.read_only else BEGIN) + question
        return question + COMMIT if last or self.read_only else question

    @property
    def _in_transaction(self) -> bool:
        return self._transaction_status in {IN_TRANSACTION, IN_FAILED_TRANSACTION}

    def handle_messages(self, context: Context) -> None:
        """Read the answer to one question, as all connections do."""
        try:
            super().handle_messages(context)
        except BaseException:
            # What came behind the mistake was passed over, and may have been to be prepared.
            self._forgets = True
            raise

    def commit(self) -> None:
        """Commit what was begun; nothing is asked when nothing was. The transaction has ended even if this fails."""
        if not self._in_transaction and not self._ahead:
            return
        try:
            self.execute_unnamed("commit")
        except DatabaseError:
            # Of what waited for it something failed, and Postgres hasn't read the COMMIT.
            self.rollback()
            raise

    def rollback(self) -> None:
        """Roll back what was begun."""
        if self._ahead:
            self._ahead.clear()
            self._forgets = True
        super().rollback()

    def check(self) -> None:
        """Raise InterfaceError when the connection has ended while nobody used it; the server isn't asked for it."""
        if self._unasked.poll(0):
            # A notice, or the end: an answer to something else tells which.
            self.execute_simple("")


class Cursor(dbapi.Cursor):  # type: ignore[misc]  # pg8000 has no types
    """A cursor for statements with the placeholders $1, $2 and so on."""

    _input_oids: Sequence[int]

    def execute(
        self,
        operation: str,
        args: Sequence[object] = (),
        stream: object = None,
        *,
        last: bool = False,
        prepared: bool = False,
    ) -> None:
        """Run one statement, which may be the last of its transaction, and one that is prepared."""
        question, connection = self._question(operation, args, prepared=prepared)
        context = Context(operation, stream=stream)
        connection.run(question, context, last=last)
        self._context = context
        self._row_iter = None if context.rows is None else iter(context.rows)

    def execute_ahead(self, operation: str, args: Sequence[object] = (), *, prepared: bool = False) -> None:
        """Run one statement that returns no rows together with the next."""
        question, connection = self._question(operation, args, prepared=prepared)
        connection.run_ahead(question)

    def _question(self, operation: str, args: Sequence[object], *, prepared: bool) -> tuple[bytes, DbapiConnection]:
        connection: DbapiConnection | None = self._c
        if connection is None:
            raise InterfaceError("Cursor closed")
        oids, self._input_oids = self._input_oids, ()
        make = connection.prepared if prepared else connection.question
        return make(operation, args, oids), connection
