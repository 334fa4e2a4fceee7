"""Faults of Postgres, and transactions of every shape."""

import random
import signal
import time
from collections.abc import Callable
from contextlib import closing
from statistics import median
from typing import Final

from core.postgres.errors import DatabaseError
from core.postgres.session import Session
from tools.chaos.environment import BrokenError, ChaosEnvironment
from tools.chaos.load import BATCH, Pace
from tools.harness.environment import high_water, wait

CONNECTIONS: Final = ("botberi-relay", "botberi-relay-wake-up", "botberi-relay-awake-lock")


def restart(number: signal.Signals) -> Callable[[ChaosEnvironment, int], None]:
    """Return the fault that Postgres is stopped by a signal and started again."""

    def happen(env: ChaosEnvironment, times: int) -> None:
        with env.pressure():
            for _ in env.rounds(times):
                time.sleep(1)
                env.servers.stop_database(number)
                env.servers.start_database()
                env.recovered()

    return happen


def terminate(env: ChaosEnvironment, times: int) -> None:
    """Terminate a backend of the relay, at random."""
    with env.pressure():
        for _ in env.rounds(times):
            time.sleep(random.uniform(0.1, 0.5))
            env.path.terminate(random.choice(CONNECTIONS))
            env.recovered()


def cut_notification(env: ChaosEnvironment, times: int) -> None:
    """Terminate only the listening backend."""
    with env.pressure():
        for _ in env.rounds(times):
            time.sleep(random.uniform(0, 0.5))
            env.path.terminate("botberi-relay-wake-up")
            env.recovered()


def transact(env: ChaosEnvironment, times: int) -> None:
    """Commit a hundred thousand rows at once, and hold a prepared transaction open, as others write."""
    with env.pressure():
        for number in env.rounds(times):
            with closing(Session("shared_psql", "migrator", name="prepared")) as session:
                wait(lambda each=number: _prepared(session, each), 60, "nothing could be prepared")  # type: ignore[misc]  # bound now
                session.limit(300)
                session.run("call write_many(100000)")
                env.recovered()
                session.run(f"commit prepared 'chaos_{number}'")


def _prepared(session: Session, number: int) -> bool:
    """Prepare a transaction; False when it notified the relay, since one with a NOTIFY can't be prepared."""
    session.run("begin")
    try:
        session.run(f"call write_version('agt_prepared_{number}')")
        session.run(f"prepare transaction 'chaos_{number}'")
    except DatabaseError:
        session.run("rollback")
        return False
    return True


BURST: Final = 10_000
"""Events whose way is timed, with and without an old transaction."""

ROUNDS: Final = 3
"""Measurements of each, at least."""


def hold_open(env: ChaosEnvironment, times: int) -> None:
    """Hold an unrelated transaction open, that has written something, and compare how fast events pass."""
    with env.pressure(pace=Pace(threads=0)):
        env.recovered()
        before = [_drained(env) for _ in range(ROUNDS)]
        with env.path.held_open():
            opened = time.monotonic()
            beside = [_drained(env) for _ in env.rounds(max(ROUNDS, times))]
            held = time.monotonic() - opened
        after = [_drained(env) for _ in range(ROUNDS)]
        ratio = median(before + after) / median(beside)
        env.note = f"open for {held:.0f} s; {BURST / median(beside):,.0f} events/s, {ratio:.2f} of that without"


def _drained(env: ChaosEnvironment) -> float:
    """Commit many events, and return the seconds until the last is received."""
    env.path.query(f"call write_many({BURST})")
    env.recovered()
    return env.recoveries[-1]


ARRIVAL: Final = 100
"""Events a second, of the hour that piles up and while that is drained."""

MEMORY: Final = 200
"""MB that a relay may use."""

FASTER: Final = 5
"""How many times as fast as they arrive events have to be delivered."""


def pile_up(env: ChaosEnvironment, times: int) -> None:
    """Let the events of so many minutes wait, and start the relay while more arrive."""
    with env.pressure(relays=False, pace=Pace(threads=1, burst=1, rest=2 * BATCH / ARRIVAL)):
        for _ in env.rounds(times):
            env.path.query(f"call write_many({60 * ARRIVAL})")
        relay = env.start("relay-1")
        env.recovered(600)
        speed = env.runs * 60 / env.recoveries[-1]
        memory = high_water(relay)
        env.note = f"{env.runs} minutes, drained {speed:.0f} times as fast as they came, {memory:.0f} MB"
        if speed < FASTER or memory > MEMORY:
            raise BrokenError(env.note)
