"""The relay from the outbox to a confirm, beside publishers that have no database to read."""

import sys

from tools.harness.environment import DATABASE, BenchEnvironment


def once(env: BenchEnvironment, size: float) -> dict[str, float]:
    """Return events a second of the relay, of a pipelined loop and of one confirm at a time."""
    # Enough that what Postgres still does for the rows after their commit is a small part of the time.
    count = int(60_000 * size)
    relay = _relay(env, count)
    env.purge()
    pipelined = _opponent(env, "pipelined", count)
    env.purge()
    blocking = _opponent(env, "blocking", max(200, count // 60))
    env.purge()
    return {"relay": relay, "pipelined": pipelined, "blocking": blocking}


def _relay(env: BenchEnvironment, count: int) -> float:
    """Commit everything at once, under a relay that sleeps, and read from the cursor when the last was confirmed."""
    env.start_relay()
    env.wait_delivered()
    env.emit(count)
    [[committed]] = env.run("select extract(epoch from clock_timestamp())::float8")
    env.wait_delivered()
    [[confirmed]] = env.run("select extract(epoch from updated)::float8 from relay_cursor")
    env.stop("relay")
    if env.depth() != count:
        message = f"{env.depth()} of {count} events arrived in {DATABASE}'s queue"
        raise RuntimeError(message)
    return count / float(confirmed - committed)


def _opponent(env: BenchEnvironment, kind: str, count: int) -> float:
    return float(env.program(sys.executable, "-m", "tools.bench.events.opponents", kind, str(count)))
