"""Each part's role has the rights that its functions use, and no more."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from functions.local.testing.world import World

FORBIDDEN = [
    ("shared_psql", "user", "select content from bundles"),
    ("shared_psql", "user", "update instances set status = 'running'"),
    ("shared_psql", "user", "update agents set name = 'x'"),
    ("shared_psql", "admin", "update agent_versions set number = '9.9.9'"),
    ("shared_psql", "admin", "update instances set status = 'running'"),
    ("shared_psql", "admin", "delete from audit"),
    ("shared_psql", "admin", "update audit set actor = 'nobody'"),
    ("shared_psql", "admin", "insert into audit select * from audit"),
    ("shared_psql", "subscribers", "update audit set actor = 'nobody'"),
    ("shared_psql", "subscribers", "delete from audit"),
    ("shared_psql", "subscribers", "select answer from idempotency_keys"),
    ("shared_psql", "subscribers", "select 1 from shelved_events"),
    ("shared_psql", "admin", "select event from shelved_events"),
    ("shared_psql", "worker", "select 1 from outbox"),
    ("shared_psql", "worker", "delete from instances"),
    ("shared_psql", "broker", "select 1 from instances"),
    ("shared_psql", "broker", "select 1 from outbox"),
    ("shared_psql", "broker", "update dead_letters set resolution = 'discarded'"),
    ("shared_psql", "broker", "update parked_events set resolution = 'discarded'"),
    ("user_psql", "broker", "select 1 from outbox"),
    ("user_psql", "broker", "delete from parked_events"),
    ("user_psql", "user", "select 1 from letters"),
    ("user_psql", "user", "select resolve_letters('{}', 'discarded', 'usr_1', 'none')"),
    ("shared_psql", "subscribers", "select * from event_path_status(1)"),
    ("shared_psql", "gateway", "select 1 from instances"),
    ("shared_psql", "gateway", "delete from revoked_sessions"),
    ("shared_psql", "subscribers", "delete from revoked_sessions"),
    ("shared_psql", "subscribers", "update revoked_sessions set expires_at = now()"),
    ("shared_psql", "relay", "delete from outbox"),
    ("shared_psql", "relay", "delete from cron_slots"),
    ("shared_psql", "relay", "select 1 from instances"),
    ("user_psql", "user", "select 1 from outbox"),
    ("user_psql", "user", "delete from accounts"),
    ("user_psql", "admin", "select password_hash from accounts"),
    ("user_psql", "broker", "select 1 from accounts"),
    ("user_psql", "subscribers", "select 1 from accounts"),
    ("user_psql", "subscribers", "select secret_hash from sessions"),
    ("user_psql", "subscribers", "select answer from idempotency_keys"),
    ("user_psql", "worker", "select 1 from accounts"),
    ("user_psql", "gateway", "select 1 from accounts"),
    ("user_psql", "relay", "select 1 from accounts"),
]


@pytest.mark.parametrize(("database", "role", "statement"), FORBIDDEN)
def test_a_part_may_not(world: World, database: str, role: str, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), world.transaction(database, role) as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("database", ["user_psql", "shared_psql"])
@pytest.mark.parametrize("role", ["user", "admin", "broker", "subscribers", "worker", "relay", "gateway"])
def test_nobody_but_the_migrator_makes_tables(world: World, database: str, role: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), world.transaction(database, role) as connection:
        connection.execute(text("create table mine (id int)"))
