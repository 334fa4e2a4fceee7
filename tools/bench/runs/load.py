"""Runs by the hundred, many streams at once, and one run that says a lot."""

import asyncio
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from provisioning.local_settings import LOOPBACK
from tools.bench.runs.environment import PARTS, Asked, RunsEnvironment
from tools.harness.environment import wait

RUNS: Final = 300

AT_ONCE: Final = 8

STREAMS: Final = 500

CHUNKS: Final = 10_000


@dataclass(frozen=True)
class SeenThrough:
    """Runs that were asked for as fast as they were accepted, and that have ended."""

    count: int
    accepted: float
    """Seconds until the last was accepted."""
    ended: float
    """Seconds until the last had ended."""

    @property
    def a_second(self) -> float:
        """How many a second were completed."""
        return self.count / self.ended


def seen_through(env: RunsEnvironment, size: float) -> SeenThrough:
    """Have several at a time ask, each of another instance than before, and wait for the end of the last run."""
    count = max(40, int(RUNS * size))

    def ask(place: int) -> None:
        # Each begins with another one.
        for whom in itertools.islice(env.next(), place, place + len(range(place, count, AT_ONCE))):
            env.say(whom, "1 0")

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, range(AT_ONCE)))
    accepted = time.perf_counter() - began
    env.wait_ended()
    return SeenThrough(count, accepted, time.perf_counter() - began)


def rate(env: RunsEnvironment, size: float) -> dict[str, float]:
    """Return how many runs a second are accepted and completed, and what each costs, in µs of processor, by part."""
    before = env.parts()
    done = seen_through(env, size)
    count = done.count
    # What is told of the runs to others comes after them.
    told = (
        "select (select count(*) from audit_entries where action = 'com.botberi.run.status_changed.v1')"
        " >= (select count(*) from run_events where type = 'status')"
    )
    wait(lambda: env.run(told) == [[True]], 120, "not every event arrived", pause=0.1)
    spent = {name: (after - before[name]) / count * 1e6 for name, after in env.parts().items()}
    sample = {f"cost_{name}": value for name, value in spent.items()}
    accepted = count / done.accepted
    return {"runs_a_second": done.a_second, "accepted_a_second": accepted, "cost": sum(spent.values()), **sample}


def streams(env: RunsEnvironment, size: float) -> dict[str, float]:
    """Return what a stream takes of the gateway's memory, when many are open at once."""
    count = max(50, int(STREAMS * size))
    before = _memory(env)
    runs = [(env.say(whom, f"{1500 if size >= 1 else 300} 20"), whom) for whom in env.asked]
    during, events = asyncio.run(_follow(env, [runs[place % len(runs)] for place in range(count)]))
    env.wait_ended()
    return {"stream_kb": (during - before) / count / 1e3, "streams": count, "stream_events": events}


async def _follow(env: RunsEnvironment, whom: list[tuple[dict[str, object], Asked]]) -> tuple[float, int]:
    """Return the gateway's memory while all are open, and how many events came in all."""
    begun = [asyncio.Event() for _ in whom]

    async def one(place: int) -> int:
        run, asked = whom[place]
        reader, writer = await asyncio.open_connection(LOOPBACK, env.ports.gateway)
        lines = [
            f"GET /v1/runs/{run['id']}/stream HTTP/1.1",
            "Host: gateway",
            f"Authorization: Bearer {asked.token}",
        ]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        events = 0
        while line := await reader.readline():
            events += line.startswith(b"id: ")
            if events:
                begun[place].set()
        begun[place].set()
        writer.close()
        return events

    async def look() -> float:
        await asyncio.gather(*(each.wait() for each in begun))
        return _memory(env)

    memory, *events = await asyncio.gather(look(), *(one(place) for place in range(len(whom))))
    return memory, sum(map(int, events))


def _memory(env: RunsEnvironment) -> float:
    return float(sum(each.memory_full_info().uss for each in env.family("gateway")))


def chunks(env: RunsEnvironment, size: float) -> dict[str, float]:
    """Return rows and bytes that a run of many pieces writes, and what it costs."""
    count = max(500, int(CHUNKS * size))
    env.settle()
    [[wal]] = env.run("select pg_current_wal_lsn() - '0/0'::pg_lsn")
    before, began = env.parts(), time.perf_counter()
    run = env.say(env.asked[0], f"{count} 1")
    env.wait_ended(300)
    took = time.perf_counter() - began
    spent = {name: after - before[name] for name, after in env.parts().items()}
    _check_whole(env, str(run["id"]), count)
    [[wal_after]] = env.run("select pg_current_wal_lsn() - '0/0'::pg_lsn")
    [[rows, size_of_rows, text]] = env.run(
        "select count(*), sum(pg_column_size(e.*)), sum(octet_length(data->>'text')) from run_events as e"
        " where run_id = :id",
        id=str(run["id"]),
    )
    return {
        "chunk_rows": float(str(rows)),
        "chunk_bytes": float(str(size_of_rows)),
        "chunk_text": float(str(text)),
        "chunk_wal": float(str(wal_after)) - float(str(wal)),
        "chunk_seconds": took,
        **{f"chunk_cost_{name}": spent[name] / count * 1e6 for name in PARTS},
    }


def _check_whole(env: RunsEnvironment, run_id: str, count: int) -> None:
    """Raise RuntimeError unless a reply has every word once, in order, behind the time."""
    [[reply]] = env.run("select reply from runs where id = :id", id=run_id)
    if str(reply).partition(" ")[2] != "".join(f"word {number} " for number in range(count)):
        message = f"{run_id} hasn't kept what its agent said"
        raise RuntimeError(message)
