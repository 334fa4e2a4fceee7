"""The connection that holds the gate's lock waits for writers, however long their transactions are."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from core.postgres import session
from core.postgres.session import Session
from core.wakeup import Wakeup
from events.relay.awake_lock import LOCK, AwakeLock
from events.relay.metrics import RelayMetrics
from events.relay.sleep import Phase, Sleep
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


@pytest.mark.parametrize(("lingers", "sleeps"), [(True, False), (False, True)], ids=["an event", "its own probe"])
def test_a_relay_that_has_found_nothing_but_its_own_goes_back_to_sleep_at_once(
    env: Environment, monkeypatch: pytest.MonkeyPatch, *, lingers: bool, sleeps: bool
) -> None:
    monkeypatch.setenv("RELAY_LINGER_SECONDS", "0.3")
    with (
        closing(Session("shared_psql", "relay", name="reader")) as reader,
        closing(Sleep("shared_psql", Wakeup(), reader, RelayMetrics())) as sleep,
    ):
        sleep.busy()
        while sleep.phase is not Phase.ASLEEP:
            sleep.idle()
        monkeypatch.setattr(sleep, "linger", 3600)
        sleep._found_at -= 7200
        sleep.busy(lingers=lingers)
        # More often than it takes to doze off, with what others have under way.
        for _ in range(1000):
            sleep.idle()
            if sleep.phase is Phase.ASLEEP:
                break
        assert (sleep.phase is Phase.ASLEEP) is sleeps
