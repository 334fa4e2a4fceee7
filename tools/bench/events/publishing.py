"""The relay from the outbox to a confirm, beside publishers that have no database to read."""

import sys

from tools.harness.ground import DATABASE, Ground


def once(ground: Ground, size: float) -> dict[str, float]:
    """Return events a second of the relay, of a pipelined loop and of one confirm at a time."""
    # Enough that what Postgres still does for the rows after their commit is a small part of the time.
    count = int(60_000 * size)
    relay = _relay(ground, count)
    ground.purge()
    pipelined = _opponent(ground, "pipelined", count)
    ground.purge()
    blocking = _opponent(ground, "blocking", max(200, count // 60))
    ground.purge()
    return {"relay": relay, "pipelined": pipelined, "blocking": blocking}


def _relay(ground: Ground, count: int) -> float:
    """Commit everything at once, under a relay that sleeps, and read from the cursor when the last was confirmed."""
    ground.start_relay()
    ground.wait_delivered()
    ground.emit(count)
    [[committed]] = ground.run("select extract(epoch from clock_timestamp())::float8")
    ground.wait_delivered()
    [[confirmed]] = ground.run("select extract(epoch from updated)::float8 from relay_cursor")
    ground.stop("relay")
    if ground.depth() != count:
        message = f"{ground.depth()} of {count} events arrived in {DATABASE}'s queue"
        raise RuntimeError(message)
    return count / float(confirmed - committed)


def _opponent(ground: Ground, kind: str, count: int) -> float:
    return float(ground.program(sys.executable, "-m", "tools.bench.events.opponents", kind, str(count)))
