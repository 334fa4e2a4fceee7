"""What is old is forgotten a batch at a time, until nothing old is left; what is young stays."""

from typing import Any, Final

import pytest
from sqlalchemy import text

from core.ids import new_id
from events.catalog.schedules import SharedPruningFallenDue, UserPruningFallenDue
from functions.domain import pruning
from testing.clients import Api
from testing.environment import Environment

PRUNERS: Final = {
    "user_psql": ("prune_user_psql", UserPruningFallenDue.type),
    "shared_psql": ("prune_shared_psql", SharedPruningFallenDue.type),
}
both = pytest.mark.parametrize("database", sorted(PRUNERS))

KEY = (
    "insert into idempotency_keys (caller, key, fingerprint, response, created)"
    " values ('usr_1', :key, 'f', '{}', {age})"
)
EVENT = "insert into inbox (subscriber, source, id, received) values ('x', 's', :key, {age})"


def prune(api: Api, database: str) -> int:
    function, kind = PRUNERS[database]
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": new_id("evt"),
        "source": "/botberi/shared_psql",
        "type": kind,
        "subject": function,
        "time": "2026-01-01T00:00:00Z",
        "data": {"schedule": function, "slot": "2026-01-01T00:00:00Z"},
    }
    return int(api.deliver(function, event).status_code)


def make(env: Environment, database: str, statement: str, days: int) -> str:
    key = new_id("act")
    sql = statement.replace("{age}", f"now() - interval '{days} days'")
    with env.transaction(database, "migrator") as db:
        db.execute(text(sql), {"key": key})
    return key


def left(env: Environment, database: str, table: str, column: str) -> set[str]:
    with env.transaction(database, "migrator") as db:
        return set(db.scalars(text(f"select {column}::text from {table}")))


@both
def test_old_keys_and_handled_events_are_forgotten_and_young_ones_stay(
    api: Api, env: Environment, database: str
) -> None:
    old = [make(env, database, KEY, 8), make(env, database, EVENT, 46)]
    young = [make(env, database, KEY, 6), make(env, database, EVENT, 44)]
    assert prune(api, database) == 200
    kept = left(env, database, "idempotency_keys", "key") | left(env, database, "inbox", "id")
    assert not kept & set(old)
    assert kept >= set(young)


@both
def test_when_a_batch_was_full_it_asks_to_go_on(
    api: Api, env: Environment, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    keys = {make(env, database, KEY, 8) for _ in range(3)}
    assert prune(api, database) == 200
    assert len(keys & left(env, database, "idempotency_keys", "key")) == 1
    said = "select count(*) from outbox where type = :type and created > now() - interval '1 minute'"
    with env.transaction(database, "migrator") as db:
        assert db.scalar(text(said), {"type": PRUNERS[database][1]}) >= 1


def test_sessions_that_ended_long_ago_are_forgotten(api: Api, env: Environment) -> None:
    row = """
    with someone as (insert into accounts (id, email, password_hash) values (:key || 'a', :key, '') returning id)
    insert into sessions (id, account_id, secret_hash, token_key, expires_at, ends_at, revoked_at)
    select :key, id, '', '', e, e, {age} from someone, (select now() + interval '{expires} days' as e) as expiry
    """
    expired = make(env, "user_psql", row.replace("{expires}", "-91").replace("{age}", "null"), 0)
    revoked = make(env, "user_psql", row.replace("{expires}", "30"), 91)
    lately = make(env, "user_psql", row.replace("{expires}", "-10"), 89)
    open_one = make(env, "user_psql", row.replace("{expires}", "30").replace("{age}", "null"), 0)
    assert prune(api, "user_psql") == 200
    kept = left(env, "user_psql", "sessions", "id")
    assert kept >= {lately, open_one}
    assert not kept & {expired, revoked}


def test_of_the_slots_of_a_schedule_the_newest_stays(api: Api, env: Environment) -> None:
    slot = "insert into cron_slots (schedule, slot) values (:key, {age}), (:key, {age} - interval '1 day')"
    schedule = make(env, "shared_psql", slot, 60)
    assert prune(api, "shared_psql") == 200
    with env.transaction("shared_psql", "migrator") as db:
        rows = db.execute(
            text("select slot < now() - interval '60 days 1 hour' from cron_slots where schedule = :name"),
            {"name": schedule},
        )
        assert [tuple(row) for row in rows] == [(False,)]


def test_one_time_tokens_are_forgotten_when_they_have_expired(api: Api, env: Environment) -> None:
    row = """
    with someone as (insert into accounts (id, email, password_hash) values (:key || 'a', :key, '') returning id)
    insert into one_time_tokens (account_id, purpose, token_hash, expires_at)
    select id, :key, decode(md5(:key), 'hex'), {age} from someone
    """
    expired, still_good = (make(env, "user_psql", row, days) for days in (1, -1))
    assert prune(api, "user_psql") == 200
    kept = left(env, "user_psql", "one_time_tokens", "purpose")
    assert still_good in kept
    assert expired not in kept
