"""The connection that holds the gate's lock waits for writers, however long their transactions are."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from core.postgres import session
from core.postgres.session import Session
from events.relay.awake_lock import LOCK, AwakeLock
from testing.environment import Environment

Eventually = Callable[..., Any]

ASKED = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


def test_a_transaction_that_rang_may_take_longer_than_an_answer(
    env: Environment,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Eventually,
) -> None:
    with closing(Session("shared_psql", "admin", name="writer")) as writer:
        writer.run("begin")
        writer.run("select pg_advisory_xact_lock_shared(:key)", key=LOCK)
        monkeypatch.setattr(session, "TIMEOUT", 2)
        with closing(AwakeLock("shared_psql")) as awake_lock:
            awake_lock.request()
            eventually(lambda: writer.run(ASKED) == [[1]])
            writer.run("select pg_sleep(2.5)")
            writer.run("commit")
            eventually(lambda: awake_lock.held or awake_lock.failed)
            assert awake_lock.held
