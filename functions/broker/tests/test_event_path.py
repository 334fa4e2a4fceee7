from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.ids import new_id
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person

EMIT = "select emit_event(type => 'com.botberi.thing.counted.v1', subject => 'agt_1', data => '{}', id => %s)"


@pytest.fixture
def shared_psql_down(env: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    env.disconnect()
    monkeypatch.setenv("SHARED_PSQL_URL", "127.0.0.1:1/nothing")
    yield
    env.disconnect()


@pytest.fixture
def token(person: Callable[..., Person]) -> str:
    return person(scopes=("user", "broker")).token


def path_from(api: Api, token: str, database: str) -> dict[str, Any]:
    found = api.broker.get("/v1/event-path", token=token).json["databases"]
    [path] = [dict(each) for each in found if each["database"] == database]
    return path


@pytest.mark.parametrize("database", ["user_psql", "shared_psql"])
def test_what_is_committed_and_not_delivered_waits(api: Api, env: Environment, token: str, database: str) -> None:
    before = path_from(api, token, database)
    with env.transaction(database, "relay") as db:
        db.exec_driver_sql(EMIT, (new_id("evt"),))
    after = path_from(api, token, database)
    assert after["waiting"] == before["waiting"] + 1
    assert after["oldest_seconds"] > 0
    assert after["reachable"]


def test_the_holder_of_the_lease_is_named(api: Api, env: Environment, token: str) -> None:
    with env.transaction("shared_psql", "relay") as db:
        db.exec_driver_sql("update relay_cursor set holder = 'here/1', epoch = epoch + 1, updated = now()")
    found = path_from(api, token, "shared_psql")
    assert (found["holder"], found["relays"]) == ("here/1", 0)
    assert found["progress_seconds"] < path_from(api, token, "shared_psql")["progress_seconds"]


def waiting(env: Environment, cursor: str, most: int = 1000) -> int:
    """Return how many events wait once the statement `cursor` has moved the cursor, which is then taken back."""
    with env.transaction("shared_psql", "relay") as db:
        db.exec_driver_sql(f"update relay_cursor set {cursor}")
        count = int(db.exec_driver_sql("select waiting from event_path_status(%s)", (most,)).scalar_one())
        db.rollback()
    return count


def test_what_a_page_has_delivered_does_not_wait(env: Environment) -> None:
    with env.transaction("shared_psql", "relay") as db:
        for _ in range(3):
            db.exec_driver_sql(EMIT, (new_id("evt"),))
        newest = db.exec_driver_sql("select max(seq) from outbox").scalar_one()
    reading = "s1 = '1:1:', s2 = pg_current_snapshot(), last_seq ="
    assert waiting(env, f"{reading} {newest}") == 0
    assert waiting(env, f"{reading} {newest - 2}") == 2
    assert waiting(env, "s1 = pg_current_snapshot(), s2 = pg_current_snapshot(), last_seq = 0") == 0


def test_what_was_underway_in_the_last_snapshot_waits(env: Environment) -> None:
    with env.transaction("shared_psql", "relay") as slow:
        slow.exec_driver_sql(EMIT, (new_id("evt"),))
        newest = slow.exec_driver_sql("select max(seq) + 100 from outbox").scalar_one()
        with env.transaction("shared_psql", "relay") as other:
            snapshot = other.exec_driver_sql("select pg_current_snapshot()::text").scalar_one()
    assert waiting(env, f"s1 = '{snapshot}', s2 = '{snapshot}', last_seq = 0") == 1
    assert waiting(env, f"s1 = '1:1:', s2 = '{snapshot}', last_seq = {newest}") == 1


def test_no_more_is_counted_than_asked_for(env: Environment) -> None:
    with env.transaction("shared_psql", "relay") as db:
        for _ in range(5):
            db.exec_driver_sql(EMIT, (new_id("evt"),))
    assert waiting(env, "s1 = '1:1:', s2 = '1:1:', last_seq = 0", most=4) == 4
    assert waiting(env, "s1 = '1:1:', s2 = '3:3:', last_seq = 0", most=4) == 4


@pytest.mark.usefixtures("token", "shared_psql_down")
def test_a_database_that_is_down_does_not_hide_the_other(api: Api, token: str) -> None:
    assert path_from(api, token, "user_psql")["reachable"]
    down = path_from(api, token, "shared_psql")
    assert {key for key, value in down.items() if value is not None} == {"database", "reachable"}


def test_the_path_shows_to_operators_alone(api: Api, person: Callable[..., Person]) -> None:
    assert api.broker.get("/v1/event-path", token=person().token).code == "forbidden"
