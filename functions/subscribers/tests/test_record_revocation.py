from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from core.ids import new_id
from functions.domain import revocations
from functions.domain.databases import SharedDb
from testing.environment import Environment


def test_a_recorded_session_is_revoked_until_its_last_token_has_expired(env: Environment) -> None:
    ended, expired = new_id("ses"), new_id("ses")
    now = datetime.now(UTC)
    with env.transaction("shared_psql", "subscribers") as db:
        revocations.record(SharedDb(db), expired, now - timedelta(seconds=1))
        revocations.record(SharedDb(db), ended, now + timedelta(minutes=11))
        revocations.record(SharedDb(db), ended, now + timedelta(minutes=11))
    with env.transaction("shared_psql", "user") as db:
        assert revocations.is_revoked(SharedDb(db), ended)
        assert not revocations.is_revoked(SharedDb(db), expired)


@pytest.mark.parametrize("order", [(5, 600), (600, 5)])
def test_of_two_ends_of_a_session_the_later_holds(env: Environment, order: tuple[int, int]) -> None:
    ended, now = new_id("ses"), datetime.now(UTC)
    with env.transaction("shared_psql", "subscribers") as db:
        for seconds in order:
            revocations.record(SharedDb(db), ended, now + timedelta(seconds=seconds))
    with env.transaction("shared_psql", "user") as db:
        kept = db.scalar(text("select expires_at from revoked_sessions where session_id = :id"), {"id": ended})
    assert kept == now + timedelta(seconds=600)
