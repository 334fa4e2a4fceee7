"""Runs by the hundred, many streams at once, and one run that says a lot."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from provisioning.local_settings import LOOPBACK
from tools.bench.runs.environment import PARTS, Asked, RunsEnvironment
from tools.harness.environment import wait

RUNS: Final = 400

AT_ONCE: Final = 8

STREAMS: Final = 500

CHUNKS: Final = 10_000


def rate(env: RunsEnvironment, size: float) -> dict[str, float]:
    """Return how many runs a second are accepted and completed, and what each costs, in µs of processor, by part."""
    count = max(40, int(RUNS * size))

    def ask(place: int) -> None:
        for whom, _ in zip(env.next(), range(place, count, AT_ONCE), strict=False):
            env.say(whom, "1 0")

    before, began = env.parts(), time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, range(AT_ONCE)))
    asked = time.perf_counter() - began
    env.wait_ended()
    took = time.perf_counter() - began
    # What is told of the runs to others comes after them.
    told = (
        "select (select count(*) from audit where type = 'com.botberi.run.status_changed.v1')"
        " >= (select count(*) from run_events where type = 'status')"
    )
    wait(lambda: env.run(told) == [[True]], 120, "not every event arrived", pause=0.1)
    spent = {name: (after - before[name]) / count * 1e6 for name, after in env.parts().items()}
    sample = {f"cost_{name}": value for name, value in spent.items()}
    return {"runs_a_second": count / took, "accepted_a_second": count / asked, "cost": sum(spent.values()), **sample}


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
