"""Each history goes up, down and up again, ends in what the models say, and is run by one migrator at a time."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

import shared_psql_models
from migrations.__main__ import LOCK_KEY, migrate
from migrations.databases import DATABASES, TABLE_MODULES, connect
from migrations.roles import provision
from provisioning import local_settings
from testing.environment import Environment
from tools.local import databases
from tools.manifests import schema


@pytest.fixture(params=sorted(DATABASES))
def empty(request: pytest.FixtureRequest, env: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give one of the two databases, empty: with its roles, and no table."""
    database = str(request.param)
    variable = f"{database.upper()}_URL"
    address = env.environment()[variable].partition("/")[0]
    monkeypatch.setenv(variable, f"{address}/empty_{database}_{env.worker}")
    databases.create(database, anew=True)
    provision(database, "postgres", (env.secrets / "psql-superuser").read_text().strip())
    yield database
    databases.drop(database)


def tables(database: str) -> set[str]:
    query = text("select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'")
    with connect(database, "migrator").begin() as connection:
        return set(connection.scalars(query))


def test_up_down_and_up_again_leaves_what_up_leaves(empty: str) -> None:
    migrate(empty, "upgrade", "head")
    first = tables(empty)
    migrate(empty, "downgrade", "base")
    assert tables(empty) == set()
    migrate(empty, "upgrade", "head")
    assert tables(empty) == first >= {"outbox", "inbox"}


def test_functions_are_gone_after_down(empty: str) -> None:
    migrate(empty, "upgrade", "head")
    migrate(empty, "downgrade", "base")
    query = text("select proname from pg_proc where pronamespace = 'public'::regnamespace")
    with connect(empty, "migrator").begin() as connection:
        assert list(connection.scalars(query)) == []


def test_models_and_migrated_schema_agree(empty: str) -> None:
    migrate(empty, "upgrade", "head")
    migrate(empty, "check", "head")


def test_the_schema_file_says_what_a_migrated_database_is(empty: str) -> None:
    migrate(empty, "upgrade", "head")
    committed = (local_settings.ROOT / schema.file(empty)).read_text(encoding="utf-8")
    assert committed == schema.schema(empty), "run `make schema`"


def test_a_second_migrator_waits_for_the_first(empty: str) -> None:
    second = threading.Thread(target=migrate, args=(empty, "upgrade", "head"))
    with connect(empty, "migrator").connect() as first:
        first.execute(text("select pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        second.start()
        waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
        while first.scalar(waiting) == 0:
            assert second.is_alive()
        assert tables(empty) == set()
        first.rollback()
    second.join(timeout=60)
    assert not second.is_alive()
    assert "outbox" in tables(empty)


def test_two_migrators_at_once_both_succeed(empty: str) -> None:
    both = [threading.Thread(target=migrate, args=(empty, "upgrade", "head")) for _ in range(2)]
    for migrator in both:
        migrator.start()
    for migrator in both:
        migrator.join(timeout=60)
    assert "outbox" in tables(empty)
    migrate(empty, "check", "head")


def test_every_table_of_shared_psql_is_known_to_whoever_migrates_alone() -> None:
    """Other modules that were imported before may have made it known."""
    files = Path(shared_psql_models.__file__).parent.glob("*.py")
    with_tables = {file.stem for file in files if "= Table(" in file.read_text(encoding="utf-8")}
    assert with_tables == {module.__name__.rpartition(".")[2] for module in TABLE_MODULES}
