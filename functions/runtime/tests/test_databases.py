"""What becomes of a request when Postgres is slow, busy, or goes away in the middle of it."""

import gc
import socket
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import DBAPIError

from core.ids import new_id
from core.postgres.errors import DatabaseError, InterfaceError
from events.catalog.agents import AgentCreated
from events.outbox import emit
from functions.domain.catalog import agents
from functions.domain.databases import SharedDb
from functions.runtime import databases
from functions.runtime.tests.planting import Client, Plant
from functions.tests.alone import without_memory
from migrations.databases import POOLED, ROLES
from testing.environment import Environment

ASK = """
    @endpoint("GET", "/things", errors=(Unavailable,))
    def ask_things(db: UserDb) -> None:
        db.execute(text("set local statement_timeout = '100ms'"))
        db.execute(text("set local lock_timeout = '100ms'"))
        db.execute(text({statement!r}))
"""


@pytest.fixture
def _own_engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with without_memory(monkeypatch):
        yield


def asked(client: Client) -> tuple[int, str | None]:
    answer = client.get("/things")
    return answer.status_code, answer.json["code"] if answer.data else None


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(
    "statement", ["select pg_sleep(20)", "select pg_terminate_backend(pg_backend_pid())", "select id from sessions"]
)
def test_what_may_work_the_next_time_is_a_503(plant: Plant, env: Environment, statement: str) -> None:
    with env.transaction("user_psql", "migrator") as other:
        other.exec_driver_sql("lock table sessions")
        first = plant(ask_things=ASK.format(statement=statement)).get("/things")
    assert (first.status_code, first.json["code"]) == (503, "database_unavailable")
    assert plant(ask_things=ASK.format(statement="select 1")).get("/things").status_code == 200


@pytest.mark.usefixtures("env")
def test_a_statement_that_is_wrong_is_a_bug(plant: Plant) -> None:
    assert asked(plant(ask_things=ASK.format(statement="select nothing"))) == (500, "internal")


@pytest.mark.usefixtures("env")
def test_an_event_that_postgres_refuses_is_told_by_the_commit_and_prevents_it() -> None:
    slug = new_id("agt").replace("_", "-")
    with databases.engine("shared_psql", "admin").connect() as db:
        agents.create(SharedDb(db), slug=slug, name="Refused", summary="An agent")
        emit(db, AgentCreated(agent_id="agt_1", slug="\0"))
        with pytest.raises(DBAPIError, match="22P05"):
            db.commit()
    with databases.shared_transaction("admin") as again, pytest.raises(agents.AgentNotFound):
        agents.find(again, slug)


@pytest.mark.usefixtures("env", "_own_engines")
def test_when_all_connections_are_in_use_it_is_a_503(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "POOL_SIZE", 1)
    engine = databases.engine("user_psql", "user")
    monkeypatch.setattr(databases, "engine", lambda *_: engine)
    with engine.connect():
        # Only now: the one connection may take its time.
        monkeypatch.setattr(engine.pool, "_timeout", 0.1)
        assert asked(plant(ask_things=ASK.format(statement="select 1"))) == (503, "database_unavailable")
    assert asked(plant(ask_things=ASK.format(statement="select 1"))) == (200, None)


# pg8000 leaves the socket of a connection that was never made to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("env", "_own_engines")
def test_a_postgres_that_says_nothing_is_given_up_for_a_503(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "CONNECT_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("USER_PSQL_URL", f"127.0.0.1:{silent.getsockname()[1]}/user_psql")
        assert asked(plant(ask_things=ASK.format(statement="select 1"))) == (503, "database_unavailable")
    gc.collect()


@pytest.mark.parametrize(
    ("statement", "cause", "expected"),
    [
        ("INSERT INTO accounts (id) VALUES ($1)", DatabaseError({"C": "23505"}), "23505 in insert into accounts"),
        ("select a, b\nfrom t where x in (select 1 from u)", DatabaseError({"C": "55P03"}), "55P03 in select t"),
        ("update sessions set a = $1 from x", InterfaceError("network error"), "InterfaceError in update sessions"),
        ("delete from inbox", TimeoutError(), "TimeoutError in delete from inbox"),
        ("with x as (select 1) select 2", DatabaseError({"C": "57014"}), "57014 in with"),
        (None, DatabaseError({"C": "40001"}), "40001 in commit"),
    ],
)
def test_an_error_is_described_without_its_values(statement: str | None, cause: Exception, expected: str) -> None:
    assert databases.described(DBAPIError(statement, {"email": "ann@example.com"}, cause)) == expected


def test_what_is_prepared_goes_through_no_pooler() -> None:
    assert set(ROLES) - set(POOLED) >= databases.DIRECT
