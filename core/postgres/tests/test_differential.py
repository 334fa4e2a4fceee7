"""Our connections beside pg8000's own: the same programs have the same rows, the same errors and the same effects."""

import datetime as dt
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from itertools import chain, cycle
from typing import Final, NamedTuple, Self

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pg8000 import dbapi, native
from pg8000.core import IN_FAILED_TRANSACTION

from core.configuration import secret
from core.postgres import pipelined
from core.postgres.errors import InterfaceError
from core.postgres.pipelined import DbapiConnection, NativeConnection, Options
from provisioning.local_settings import LOOPBACK
from testing.environment import Environment
from tools.local.servers.postgres_server import SUPERUSER

KEPT: Final = set("SVCMstcnd")
"""Fields of an error that hold no values; without the routine, which depends on how a statement is sent."""

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
EARLIEST: Final = dt.datetime(1000, 1, 1, tzinfo=dt.UTC).replace(tzinfo=None)
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
VALUES: Final[dict[str, st.SearchStrategy[object]]] = {
    "text": text,
    "integer": st.integers(-(2**31) - 5, 2**31 + 5),
    "bigint": st.integers(-(2**63), 2**63),
    "numeric": st.decimals(allow_infinity=False, min_value=-(10**20), max_value=10**20),
    "double precision": st.floats(),
    "boolean": st.booleans(),
    "bytea": st.binary(max_size=40),
    "uuid": st.uuids(),
    "json": documents.map(json.dumps),
    "jsonb": st.dictionaries(text, documents, max_size=3),
    "date": st.dates(),
    "timestamp": st.datetimes(EARLIEST),
    "timestamptz": st.datetimes(EARLIEST, timezones=st.just(dt.UTC)),
    "interval": st.timedeltas(dt.timedelta(-9000), dt.timedelta(9000)),
    "integer[]": st.lists(st.none() | st.integers(-(2**31), 2**31), max_size=4),
    "text[]": st.lists(st.none() | text, max_size=4),
    "bytea[]": st.lists(st.none() | st.binary(max_size=9), max_size=4),
}


class Statement(NamedTuple):
    """A statement with `{0}`, `{1}` and so on for its values."""

    sql: str
    values: tuple[object, ...] = ()
    alone: bool = False
    """Whether ours may send it together with the next: it returns no rows."""

    def marked(self, mark: str) -> str:
        return self.sql.format(*(f"{mark}{place}" for place in range(1, len(self.values) + 1)))


Step = Statement | str

TABLE: Final = (
    "create temporary table things (id int primary key, name text not null, amount numeric check (amount > 0))"
)
CONTENT: Final = Statement("select * from things order by id")


@st.composite
def selects(draw: st.DrawFn) -> Statement:
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=5))
    # Now and then a value of another type, of which some can be read and some can't.
    values = tuple(draw(st.none() | VALUES[kind] | st.one_of(*VALUES.values())) for kind in kinds)
    columns = ", ".join(f'cast({{{place}}} as {kind}) as "{kind} {place}"' for place, kind in enumerate(kinds))
    return Statement(f"select {columns}", values)


ids = st.integers(1, 9)
amounts = st.decimals(-1, 9, places=2)
statements = st.one_of(
    selects(),
    st.builds(lambda *row: Statement("insert into things values ({0}, {1}, {2})", row, alone=True), ids, text, amounts),
    st.builds(lambda *row: Statement("insert into things values ({0}, {1}, {2}) returning *", row), ids, text, amounts),
    st.builds(lambda *row: Statement("update things set name = {0} where id > {1}", row, alone=True), text, ids),
    st.builds(lambda row: Statement("delete from things where id = {0} returning name", (row,)), ids),
    st.builds(
        lambda n: Statement("select n, n::text from generate_series(1, {0}::int) as n", (n,)), st.integers(0, 999)
    ),
    st.builds(
        lambda n: Statement("select repeat('ä', {0}::int), 7", (n,)), st.sampled_from([0, 32_700, 32_768, 500_000])
    ),
    st.builds(
        lambda n: Statement("select octet_length({0}::text)", ("x" * n,)), st.sampled_from([0, 65_536, 1_000_000])
    ),
    st.sampled_from(
        [
            Statement("select 1 / {0}::int", (0,)),
            Statement("select 1 / 0 where {0}::int = 1", (1,), alone=True),
            Statement("insert into things values (1, null, 1)", alone=True),
            Statement("insert into things select n from generate_series(1, 3) as n"),
            Statement("select nothing"),
            Statement("selct 1"),
            Statement("select {0}::int", ("x",)),
            Statement(""),
            Statement("select"),
            Statement("savepoint here", alone=True),
            Statement("rollback to here"),
            Statement("release here"),
            Statement("do $$ begin raise notice 'said'; end $$", alone=True),
            Statement("do $$ begin raise exception 'refused' using detail = 'd', hint = 'h', table = 'things'; end $$"),
            Statement("select n from generate_series(1, 3) as n where 1 / (3 - n) > 0"),
            Statement("show transaction_read_only"),
            Statement("explain (costs off) select 1"),
        ]
    ),
)
TIMED_OUT: Final[list[Step]] = [
    Statement("set local statement_timeout = '20ms'", alone=True),
    Statement("select pg_sleep(60)"),
    "rollback",
]
steps: st.SearchStrategy[list[Step]] = (statements | st.sampled_from(["commit", "rollback"])).map(lambda step: [step])
programs = st.lists(steps | st.just(TIMED_OUT), max_size=12).map(lambda groups: list(chain.from_iterable(groups)))


class Place(Options):
    """How to connect to where, and as whom."""

    user: str
    host: str


@pytest.fixture(scope="module")
def place(env: Environment) -> Place:
    """Return what a connection is made of."""
    database = f"shared_psql_{env.worker}"
    port = env.ports.shared_psql
    return {
        "user": SUPERUSER,
        "host": LOOPBACK,
        "port": port,
        "database": database,
        "password": secret("psql-superuser"),
    }


def told(error: Exception, *, by_pg8000: bool) -> tuple[object, ...]:
    """Return what an error says, without the table's schema; of pg8000's own without what ours leave out."""
    match error.args:
        case ({"C": str(code), "M": str(message), **fields},):
            kept = {name: str(value) for name, value in fields.items() if (name in KEPT if by_pg8000 else name != "R")}
            if code.startswith("22") and by_pg8000:
                message = re.sub('".*"', '"…"', message, flags=re.DOTALL)
            return type(error), code, message, kept | {"s": kept.get("s", "").rstrip("0123456789")}
    return type(error), *error.args


def outcome(act: Callable[[], object], *, by_pg8000: bool = False) -> object:
    """Return what `act` returns or raises; as text, because NaN is not equal to itself, and 1 is equal to True."""
    try:
        return repr(act())
    except Exception as error:  # noqa: BLE001 - that is the question
        return told(error, by_pg8000=by_pg8000)


def asked(connection: dbapi.Connection, statement: Statement, mark: str) -> object:
    cursor = connection.cursor()
    cursor.execute(statement.marked(mark), statement.values)
    return cursor.fetchall() if cursor.description else None, cursor.description, cursor.rowcount


def shape(connection: native.Connection) -> list[tuple[str, int, int]]:
    return [(each["name"], each["type_oid"], each["type_modifier"]) for each in connection.columns or ()]


def run(connection: native.Connection, statement: Statement) -> object:
    values = {f"v{place}": value for place, value in enumerate(statement.values, 1)}
    return connection.run(statement.marked(":v"), **values), shape(connection), connection.row_count


def prepared(connection: native.Connection, statement: Statement) -> object:
    """Prepare a statement and run it twice."""
    values = {f"v{place}": value for place, value in enumerate(statement.values, 1)}
    made = connection.prepare(statement.marked(":v"))
    try:
        return made.run(**values), made.run(**values)
    finally:
        made.close()


Both = tuple[dbapi.Connection, dbapi.Connection]
"""One of ours, and one of pg8000's own."""


def emptied(both: Both) -> Both:
    """Return both, with nothing begun and nothing in the table."""
    for each in both:
        each.rollback()
        each.execute_simple("truncate things")
    return both


@pytest.fixture(scope="module", autouse=True)
def _numeric() -> Iterator[None]:
    """Have pg8000's own cursors take `:1` as ours take `$1`."""
    before, dbapi.paramstyle = dbapi.paramstyle, "numeric"
    yield
    dbapi.paramstyle = before


@pytest.fixture(scope="module")
def both(place: Place) -> Iterator[Both]:
    """Return ours and pg8000's own for transactions, with a temporary table each."""
    with closing(DbapiConnection(**place)) as ours, closing(dbapi.Connection(**place)) as plain:
        for each in (ours, plain):
            each.execute_simple(TABLE)
        yield ours, plain


@settings(max_examples=60)
@given(programs)
@example([Statement("insert into things values (1, 'a', 1)", alone=True), Statement("update things set amount = 2")])
def test_a_transaction_is_what_it_is_with_pg8000(both: Both, program: list[Step]) -> None:
    ours, plain = emptied(both)
    ours.read_only = False
    failed: object = None
    for step in [*program, "commit", CONTENT]:
        if isinstance(step, Statement) and not step.sql and plain._transaction_status == IN_FAILED_TRANSACTION:
            # pg8000's own asks it in the simple protocol, in which nothing at all fails in no transaction.
            continue
        if isinstance(step, str):
            expected, got = outcome(getattr(plain, step), by_pg8000=True), getattr(ours, step)
        else:
            expected, got = outcome(partial(asked, plain, step, ":"), by_pg8000=True), partial(asked, ours, step, "$")
        if isinstance(step, Statement) and step.alone:
            ours.cursor().execute_ahead(step.marked("$"), step.values)
            failed = failed or (expected if isinstance(expected, tuple) else None)
        elif failed is not None and step != "rollback":
            # What went out together with this question is what failed, and the question wasn't read.
            assert outcome(got) == failed, step
            emptied(both)
            failed = None
        else:
            assert outcome(got) == expected, step
            failed = None


@settings(max_examples=40)
@given(st.lists(selects(), max_size=5), st.integers(1, 70))
def test_what_only_reads_has_the_same_rows_wherever_answers_are_cut(
    both: Both, program: list[Statement], size: int
) -> None:
    ours, plain = emptied(both)
    ours.read_only = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipelined, "_CHUNK", size)
        for each in program:
            expected = outcome(partial(asked, plain, each, ":"), by_pg8000=True)
            assert outcome(partial(asked, ours, each, "$")) == expected, each
            emptied(both)


@pytest.fixture(scope="module")
def both_native(place: Place) -> Iterator[Both]:
    """Return ours and pg8000's own that commit each statement by itself, with a temporary table each."""
    with closing(NativeConnection(**place)) as ours, closing(native.Connection(**place)) as plain:
        for each in (ours, plain):
            each.run(TABLE)
        yield ours, plain


@settings(max_examples=50)
@given(st.lists(statements, max_size=8))
def test_statements_by_themselves_are_what_they_are_with_pg8000(both_native: Both, program: list[Statement]) -> None:
    ours, plain = both_native
    for each in both_native:
        each.run("truncate things")
    for each, way in [*zip(program, cycle((run, prepared)), strict=False), (CONTENT, run)]:
        expected = outcome(partial(way, plain, each), by_pg8000=True)
        assert outcome(partial(way, ours, each)) == expected, each
    assert (list(ours.notices), ours.parameter_statuses) == (list(plain.notices), plain.parameter_statuses)


def test_several_statements_at_once_are_what_they_are_with_pg8000(both_native: Both) -> None:
    ours, plain = both_native
    for program in ("select 1; select 2, 3", "select 1; select nothing; select 2", ";;", "begin; select 1; rollback"):
        expected = outcome(partial(run, plain, Statement(program)), by_pg8000=True)
        assert outcome(partial(run, ours, Statement(program))) == expected, program


class Line:
    """A socket to Postgres, whose answers end after so many bytes."""

    def __init__(self, place: Place) -> None:
        self.near, self._far = socket.socketpair()
        self._server = socket.create_connection((place["host"], place["port"]))
        self._left = 2**60
        self.passed = 0
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._ask, self._answer)]
        for each in self._threads:
            each.start()

    def end_after(self, size: int) -> None:
        """Let so many bytes of answers through from now on, and then end the connection."""
        self.passed, self._left = 0, size

    def _ask(self) -> None:
        with suppress(OSError):
            while data := self._far.recv(65_536):
                self._server.sendall(data)
        self.close()

    def _answer(self) -> None:
        with suppress(OSError):
            while self._left and (data := self._server.recv(65_536)):
                data = data[: self._left]
                self._left, self.passed = self._left - len(data), self.passed + len(data)
                self._far.sendall(data)
        self.close()

    def close(self) -> None:
        """End the connection at both ends."""
        for each in (self._server, self._far):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close everything."""
        self.close()
        for thread in self._threads:
            thread.join()
        for each in (self._server, self._far, self.near):
            each.close()


KINDS: Final = [(DbapiConnection, dbapi.Connection), (NativeConnection, native.Connection)]
ROWS: Final = "select n, repeat('x', 20) from generate_series(1, 50) as n"


def answer(connection: dbapi.Connection) -> object:
    """Return the rows of ROWS by a statement with a value."""
    return connection.execute_unnamed(f"{ROWS} where n > $1", (0,)).rows


@settings(max_examples=12)
@given(st.sampled_from(KINDS), st.floats(0, 1))
def test_an_answer_that_ends_in_the_middle_is_what_it_is_with_pg8000(
    place: Place, kinds: tuple[type, type], part: float
) -> None:
    found = []
    for kind in kinds:
        with Line(place) as line:
            connection = kind(**place, sock=line.near)
            # Ours begins a transaction with the first question, whose answer is longer for that.
            answer(connection)
            line.end_after(2**60)
            whole = answer(connection)
            line.end_after(int(part * (line.passed - 1)))
            found += [whole, outcome(partial(answer, connection)), outcome(partial(answer, connection))]
            with suppress(InterfaceError):
                connection.close()
    assert found[:3] == found[3:]
    assert found[1] == (InterfaceError, "network error")


@pytest.mark.parametrize("kinds", KINDS)
def test_a_backend_that_was_terminated_is_what_it_is_with_pg8000(
    place: Place, kinds: tuple[type, type], both_native: Both
) -> None:
    found = []
    for kind in kinds:
        connection = kind(**place)
        [[pid]] = connection.execute_simple("select pg_backend_pid()").rows
        both_native[1].run("select pg_terminate_backend(:pid, 10000)", pid=pid)
        found += [outcome(partial(answer, connection)), outcome(partial(answer, connection))]
        with suppress(InterfaceError):
            connection.close()
    assert found == [(InterfaceError, "network error")] * 4


@pytest.mark.parametrize("kind", [DbapiConnection, NativeConnection])
def test_after_an_answer_that_can_not_be_read_no_other_is_taken_for_it(place: Place, kind: type) -> None:
    # pg8000's own would give the rest of this answer to whatever is asked next.
    with closing(kind(**place)) as connection:
        with pytest.raises(ValueError, match="24:00"):
            connection.execute_unnamed("select time '24:00', repeat('x', 200000), n from generate_series(1, 9) as n")
        with pytest.raises(InterfaceError, match="network error"):
            connection.execute_unnamed("select 1")
