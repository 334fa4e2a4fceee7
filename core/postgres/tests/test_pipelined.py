"""Connections that ask everything at once: what they save, and that nothing else about them is different."""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pg8000.core import Context

from core.configuration import secret, setting
from core.postgres.errors import DatabaseError, InterfaceError
from core.postgres.pipelined import DbapiConnection, Options
from provisioning.local_settings import LOOPBACK
from testing.environment import Environment
from tools.local.ports import free_ports
from tools.local.servers import managed_process, postgres_server
from tools.local.servers.binaries import find
from tools.local.wait import until

PGBOUNCER = """
[databases]
* = host={host} port={port} user=postgres password={password}
[pgbouncer]
listen_addr = {host}
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
{user}
"""


class Counted(DbapiConnection):
    """Counts how often it sends something, and how often it waits for an answer."""

    sent = waits = 0

    def _ask(self, messages: bytes) -> None:
        self.sent += 1
        super()._ask(messages)

    def handle_messages(self, context: Context) -> None:
        self.waits += 1
        super().handle_messages(context)

    def told(self, statement: str, *values: object, prepared: bool = False) -> None:
        self.cursor().execute_ahead(statement, values, prepared=prepared)

    def asked(
        self, statement: str, *values: object, last: bool = False, prepared: bool = False
    ) -> tuple[list[object], ...]:
        cursor = self.cursor()
        cursor.execute(statement, values, last=last, prepared=prepared)
        return tuple(cursor.fetchall() if cursor.description else [])


def opened(port: int | None = None, *, timeout: float = 10, direct: bool = False) -> Counted:
    address, _, database = setting("SHARED_PSQL_URL").partition("/")
    own_port = port or int(address.rpartition(":")[2])
    password = secret("psql-superuser")
    options = Options(port=own_port, database=database, password=password, timeout=timeout, direct=direct)
    return Counted("postgres", LOOPBACK, **options)


@pytest.fixture
def connection(env: Environment) -> Iterator[Counted]:
    with closing(opened()) as connection:
        yield connection


def test_an_answer_that_does_not_come_in_time_ends_the_connection(env: Environment) -> None:
    with closing(opened(timeout=0.5)) as hasty:
        with pytest.raises(InterfaceError, match="network error"):
            hasty.asked("select pg_sleep(60)")
        with pytest.raises(InterfaceError):
            hasty.asked("select 1")


def test_an_answer_larger_than_what_is_read_at_a_time_is_whole(connection: Counted) -> None:
    [[found]] = connection.asked("select repeat('ab', $1::int)", 1_000_000)

    assert found == "ab" * 1_000_000


def test_a_transaction_around_a_statement_is_two_questions(connection: Counted) -> None:
    assert connection.asked("select $1::text, $2::int", "a", 5) == (["a", 5],)
    connection.commit()

    assert (connection.sent, connection.waits) == (2, 2)


def test_what_only_reads_is_one_question(connection: Counted) -> None:
    connection.read_only = True
    assert connection.asked("select $1::text, pg_current_xact_id_if_assigned()", "a") == (["a", None],)
    connection.commit()

    assert (connection.sent, connection.waits) == (1, 1)


def test_what_may_only_read_changes_nothing(connection: Counted) -> None:
    connection.read_only = True
    with pytest.raises(DatabaseError, match="25006"):
        connection.asked("select emit_event('com.botberi.account.registered.v1', 'a', '{}'::jsonb)")
    connection.rollback()

    assert connection.asked("show transaction_read_only") == (["on"],)


def test_what_is_rolled_back_never_was(connection: Counted) -> None:
    connection.asked("create temporary table things (id int)")
    connection.commit()
    assert connection.asked("insert into things values ($1), ($2) returning id", 1, 2) == ([1], [2])
    connection.rollback()

    assert connection.asked("select count(*) from things") == ([0],)


@pytest.mark.parametrize(
    ("statement", "values", "state"),
    [
        ("select nothing", (), "42703"),
        ("select $1::int", ("x",), "22P02"),
        ("select 1 / $1::int", (0,), "22012"),
        ("select 1; select 2", (), "42601"),
    ],
)
def test_a_statement_that_fails_says_why_and_its_transaction_can_only_end(
    connection: Counted, statement: str, values: tuple[object, ...], state: str
) -> None:
    with pytest.raises(DatabaseError, match=state):
        connection.asked(statement, *values)
    with pytest.raises(DatabaseError, match="25P02"):
        connection.asked("select 1")
    connection.rollback()

    assert connection.asked("select 1") == ([1],)


def test_committing_what_failed_is_an_error(connection: Counted) -> None:
    with pytest.raises(DatabaseError):
        connection.asked("select nothing")
    with pytest.raises(InterfaceError, match="failed transaction"):
        connection.commit()


def test_what_nobody_waits_for_goes_out_with_the_next_statement(connection: Counted) -> None:
    connection.told("create temporary table things (id int)")
    connection.told("insert into things values ($1)", 1)

    assert connection.asked("select id from things") == ([1],)
    assert (connection.sent, connection.waits) == (1, 1)


def test_what_nobody_waits_for_goes_out_with_the_commit(connection: Counted) -> None:
    connection.told("create temporary table things (id int)")
    connection.commit()
    connection.rollback()

    assert connection.sent == 1
    assert connection.asked("select id from things") == ()


def test_what_nobody_waits_for_is_rolled_back_too(connection: Counted) -> None:
    connection.told("create temporary table things (id int)")
    connection.rollback()

    assert connection.sent == 0
    assert connection.asked("select to_regclass('things')") == ([None],)


def test_what_fails_while_nobody_waits_for_it_ends_the_next_statement_and_the_transaction(connection: Counted) -> None:
    connection.asked("create temporary table things (id int)")
    connection.told("select 1 / $1::int", 0)
    with pytest.raises(DatabaseError, match="22012"):
        connection.asked("select 1")
    with pytest.raises(DatabaseError, match="25P02"):
        connection.asked("select 1")


def test_what_fails_with_the_commit_ends_the_transaction(connection: Counted) -> None:
    connection.asked("create temporary table things (id int)")
    connection.told("select 1 / $1::int", 0)
    with pytest.raises(DatabaseError, match="22012"):
        connection.commit()

    assert connection.asked("select to_regclass('things')") == ([None],)


def test_a_savepoint_holds_what_nobody_waited_for(connection: Counted) -> None:
    connection.told("create temporary table things (id int)")
    connection.asked("savepoint before")
    connection.told("insert into things values (1)")
    connection.asked("rollback to before")
    connection.commit()

    assert connection.asked("select count(*) from things") == ([0],)


@pytest.mark.parametrize("begun", [True, False])
def test_the_last_statement_ends_its_transaction_with_its_answer(connection: Counted, begun: bool) -> None:
    if begun:
        connection.asked("select 1")
    connection.told("create temporary table things (id int)")
    assert connection.asked("insert into things values ($1) returning id", 7, last=True) == ([7],)
    connection.commit()
    connection.rollback()

    assert connection.sent == 1 + begun
    assert connection.asked("select id from things") == ([7],)


def test_a_last_statement_that_fails_ends_nothing_but_with_a_rollback(connection: Counted) -> None:
    connection.told("create temporary table things (id int)")
    with pytest.raises(DatabaseError, match="22012"):
        connection.asked("select 1 / $1::int", 0, last=True)
    with pytest.raises(DatabaseError, match="25P02"):
        connection.asked("select 1")
    connection.rollback()

    assert connection.asked("select to_regclass('things')") == ([None],)


PREPARED = "select name from pg_prepared_statements order by name"

ADD = "select $1::int + $2::int"


@pytest.mark.parametrize("direct", [True, False])
def test_what_is_prepared_is_parsed_once_where_no_pooler_is(direct: bool) -> None:
    with closing(opened(direct=direct)) as own:
        assert [own.asked(ADD, number, 1, prepared=True) for number in (1, 2)] == [([2],), ([3],)]
        own.commit()
        assert own.asked(PREPARED) == ((["0"],) if direct else ())


def test_statements_that_are_prepared_keep_their_own_types_and_values() -> None:
    with closing(opened(direct=True)) as own:
        for _ in range(3):
            own.told("create temporary table if not exists things (id int, name text)", prepared=True)
            own.told("insert into things values ($1, $2)", 5, None, prepared=True)
            assert own.asked("select count(*), $1::text from things", "x", prepared=True)[0][1] == "x"
            own.commit()
        assert own.asked("select id, name from things") == ([5, None],) * 3
        assert own.asked(PREPARED) == (["0"], ["1"], ["2"])


@pytest.mark.parametrize("rolls_back_before", [True, False])
def test_after_a_mistake_everything_is_prepared_anew(rolls_back_before: bool) -> None:
    with closing(opened(direct=True)) as own:
        own.asked(ADD, 1, 1, prepared=True)
        own.commit()
        # Postgres passes over what comes behind the mistake, or never sees it.
        own.told("select 1 / $1::int", 0)
        own.told("select where false", prepared=True)
        if not rolls_back_before:
            with pytest.raises(DatabaseError, match="22012"):
                own.asked("select 1")
            with pytest.raises(DatabaseError, match="25P02"):
                own.asked(ADD, 1, 1, prepared=True)
        own.rollback()
        for _ in range(2):
            own.told("select where false", prepared=True)
            assert own.asked(ADD, 2, 3, prepared=True) == ([5],)
            own.commit()
        assert own.asked(PREPARED) == (["0"], ["1"])


def test_what_is_prepared_survives_a_change_of_its_columns() -> None:
    with closing(opened(direct=True)) as own:
        own.asked("create temporary table things (id int)")
        own.commit()
        own.asked("select * from things", prepared=True)
        own.commit()
        own.asked("alter table things add column name text")
        own.commit()
        with pytest.raises(DatabaseError, match="0A000"):
            own.asked("select * from things", prepared=True)
        own.rollback()
        assert own.asked("select * from things", prepared=True) == ()


def test_nothing_is_asked_at_the_end_of_what_never_began(connection: Counted) -> None:
    connection.commit()
    connection.rollback()
    connection.check()

    assert connection.sent == 0


@pytest.mark.parametrize("read_only", [True, False])
def test_a_connection_that_ended_while_nobody_used_it_is_noticed(connection: Counted, read_only: bool) -> None:
    with closing(opened()) as other:
        other.read_only = read_only
        [[pid]] = other.asked("select pg_backend_pid()")
        other.commit()
        connection.asked("select pg_terminate_backend($1)", pid)

        with pytest.raises(InterfaceError, match="network error"):
            until(other.check, seconds=10)


def test_a_connection_that_the_server_ended_is_closed_without_a_word_and_only_once(connection: Counted) -> None:
    other = opened()
    [[pid]] = other.asked("select pg_backend_pid()")
    connection.asked("select pg_terminate_backend($1)", pid)
    with pytest.raises((InterfaceError, DatabaseError)):
        until(other.check, seconds=10)
    other.close()

    with pytest.raises(InterfaceError, match="connection is closed"):
        other.close()


def test_columns_that_look_alike_keep_their_own_values(connection: Counted) -> None:
    found = [connection.asked("select $1::int as a, $2::text as b", place, str(place)) for place in range(3)]
    other = connection.asked("select $1::text as a, $2::int as b", "x", 7)

    assert (found, other) == ([([0, "0"],), ([1, "1"],), ([2, "2"],)], (["x", 7],))


def test_rows_are_copied_in_and_out(connection: Counted) -> None:
    connection.asked("create temporary table things (id int)")
    cursor, out = connection.cursor(), io.BytesIO()
    cursor.execute("copy things from stdin", stream=io.BytesIO(b"1\n2\n"))
    cursor.execute("copy (select id from things order by id) to stdout", stream=out)

    assert out.getvalue() == b"1\n2\n"


@pytest.fixture
def pooled(env: Environment, tmp_path: Path) -> Iterator[int]:
    """Run PgBouncer in transaction mode, with one connection to Postgres for everybody; yield its port."""
    port = setting("SHARED_PSQL_URL").partition("/")[0].rpartition(":")[2]
    [own_port] = free_ports(1)
    password, configuration = secret("psql-superuser"), tmp_path / "pgbouncer.ini"
    # It refuses to be root.
    user = "user = postgres" if os.geteuid() == 0 else ""
    configuration.write_text(
        PGBOUNCER.format(host=LOOPBACK, port=port, own_port=own_port, password=password, user=user)
    )
    server = managed_process.start("pgbouncer", [find("pgbouncer"), configuration], run=tmp_path, cwd=tmp_path)
    try:
        server.wait_until(lambda: postgres_server.answers(own_port, password))
        yield own_port
    finally:
        server.stop()


def test_through_a_pooler_transactions_take_turns_on_one_connection(pooled: int) -> None:
    with closing(opened(pooled)) as one, closing(opened(pooled)) as other:
        one.read_only = other.read_only = True
        for turn in range(5):
            assert one.asked("select $1::int, pg_backend_pid()", turn)[0][0] == turn
            one.commit()
            assert other.asked("select $1::text", str(turn)) == ([str(turn)],)
            other.commit()


def test_through_a_pooler_one_waits_until_the_other_has_ended(pooled: int) -> None:
    with closing(opened(pooled)) as one, closing(opened(pooled)) as other:
        [mine] = one.asked("select pg_backend_pid()")
        answers: list[object] = []
        waiting = threading.Thread(target=lambda: answers.extend(other.asked("select pg_backend_pid()")))
        waiting.start()
        with pytest.raises(DatabaseError, match="42703"):
            one.asked("select nothing")
        assert answers == []
        one.rollback()
        waiting.join(10)

    assert answers == [mine]
