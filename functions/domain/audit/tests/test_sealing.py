"""However many append and seal at once, there is one chain, without gaps, with every entry in it once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from functions.domain.audit import reading, sealing
from functions.domain.audit.entries import NewEntry, append
from functions.domain.audit.verifying import Chain
from testing.environment import Environment


def add(env: Environment, action: str, count: int) -> None:
    for _ in range(count):
        with env.transaction("shared_psql", "admin") as db:
            append(db, NewEntry("request", "usr_1", action))


def seal(env: Environment, times: int) -> None:
    for _ in range(times):
        with env.transaction("shared_psql", "subscribers") as db:
            sealing.seal(db)


def test_many_at_once_make_one_chain(env: Environment) -> None:
    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(add, env, "sealed at once", 40) for _ in range(3)]
        done += [pool.submit(seal, env, 20) for _ in range(3)]
        for each in done:
            each.result()
    seal(env, 2)
    with env.transaction("shared_psql", "admin") as db:
        assert Chain([]).broken(reading.sealed(db, "shared_psql")) is None
        assert reading.unsealed(db) is None
        sealed = (
            "select count(distinct seq) from audit_seals join audit_entries on id = entry_id where action = :action"
        )
        assert db.scalar(text(sealed), {"action": "sealed at once"}) == 120


def test_what_was_not_committed_yet_is_sealed_later_and_not_left_out(env: Environment) -> None:
    with env.transaction("shared_psql", "admin") as slow:
        append(slow, NewEntry("request", "usr_1", "slow"))
        add(env, "fast", 1)
        seal(env, 1)
        with env.transaction("shared_psql", "admin") as db:
            assert reading.unsealed(db) is None
    seal(env, 1)
    with env.transaction("shared_psql", "admin") as db:
        query = "select seq from audit_seals join audit_entries on id = entry_id where action = :action"
        fast, slow_one = (db.scalar(text(query), {"action": action}) for action in ("fast", "slow"))
        assert slow_one > fast
        assert Chain([]).broken(reading.sealed(db, "shared_psql")) is None


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_entries set actor = 'x'",
        "update audit_entries set details = '{}'",
        "delete from audit_entries",
        "truncate audit_entries",
        "update audit_seals set seq = seq + 1",
        "delete from audit_seals",
        "truncate audit_anchors",
        "delete from audit_parties",
    ],
)
@pytest.mark.parametrize("database", ["user_psql", "shared_psql"])
def test_not_even_the_owner_of_the_tables_changes_what_is_recorded(
    env: Environment, database: str, statement: str
) -> None:
    add(env, "kept", 1)
    seal(env, 1)
    with env.transaction("user_psql", "admin") as db:
        append(db, NewEntry("request", "usr_1", "kept"))
    with env.transaction("user_psql", "subscribers") as db:
        sealing.seal(db)
    with (
        pytest.raises(DBAPIError, match="the audit trail is only appended to"),
        env.transaction(database, "migrator") as db,
    ):
        db.execute(text(statement))
