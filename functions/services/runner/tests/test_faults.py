"""A short form of `make chaos-runs`: runners and the agent host are killed while runs are read by who is cut off."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from typing import Final, Self

import pytest

from functions.domain.databases import SharedDb
from functions.domain.runs import commands, reading
from functions.domain.runs.reading import Of
from functions.services.runner.tests.asking import Asking
from shared_psql_models.runs import Run, RunStatus
from testing.environment import Environment
from testing.instances import running_host
from testing.launches import Launched
from testing.runners import running_runner
from tools.chaos.kills.platform import Window
from tools.chaos.runs import agent, evidence, ledger, verdict
from tools.chaos.runs.ledger import Ledger
from tools.chaos.runs.life import Life
from tools.chaos.runs.plan import RETRIES, Wanted
from tools.chaos.runs.readers import Follower, Seen
from tools.local.ports import free_ports
from tools.local.servers.managed_process import ManagedProcess
from tools.local.wait import until

RUNS: Final = 16


class Rows(Follower):
    """Reads a part of what follows from the database, and comes again."""

    name = "rows"

    def __init__(self, run: Run, env: Environment) -> None:
        super().__init__(run.id, random.Random(run.id), 1)
        self._env = env

    def connect(self, seconds: float) -> Iterator[Seen]:
        with self._env.transaction("shared_psql", "user") as db:
            events = reading.events(SharedDb(db), self.run_id, after=self.last, limit=1 + int(seconds * 100))
        yield from (Seen(each.sequence, each.type.value, each.data) for each in events)
        time.sleep(0.2)


class Killed:
    """What is killed and started again."""

    def __init__(self, env: Environment, port: int) -> None:
        self._env = env
        self._port = port
        self._running = ExitStack()
        self._processes: dict[str, ManagedProcess] = {}
        self._began = time.time()

    def __enter__(self) -> Self:
        for name in ("agent-host", "runner", "runner-2"):
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def start(self, name: str) -> None:
        if name == "agent-host":
            started = running_host(self._env, self._port, AGENT_EGRESS="all")
        else:
            host = f"http://127.0.0.1:{self._port}"
            started = running_runner(self._env, f"{name}-{self._env.worker}-faults", AGENT_HOST_URL=host)
        self._processes[name] = self._running.enter_context(started)

    def again(self, name: str) -> None:
        process = self._processes[name]
        process.process.kill()
        process.process.wait()
        process.end_children()
        self.start(name)

    @property
    def windows(self) -> list[Window]:
        """Who was away is not asked after here: any of them may have been."""
        return [Window(name, self._began, time.time()) for name in self._processes]


def wanted(number: int) -> Wanted:
    chance = random.Random(number)
    kind = ("stream", "ask", "fail", "cancel")[number % 4]
    return Wanted(
        key=f"run-{number}",
        kind=kind,
        again=number % 3 > 0,
        pieces=chance.randint(15, 45),
        pause=0.02,
        asks=1 if kind == "ask" else 0,
        fails=1 if kind == "fail" else 0,
        cancel_after=0.3 if kind == "cancel" else None,
        twice=False,
        by_ag_ui=False,
    )


def test_whatever_is_killed_every_event_is_read_once_and_every_run_ends_as_its_agent_says(
    env: Environment, launch: Callable[..., Launched], monkeypatch: pytest.MonkeyPatch
) -> None:
    [port] = free_ports(1)
    monkeypatch.setenv("AGENT_HOST_URL", f"http://127.0.0.1:{port}")
    source = Path(agent.__file__).read_text(encoding="utf-8")
    instances = [Asking(env, launch(source)) for _ in range(3)]
    lives = [Life(wanted(number)) for number in range(RUNS)]
    with ledger.kept() as book, Killed(env, port) as killed, ThreadPoolExecutor(2 * RUNS) as pool:
        living = [pool.submit(_live, life, instances[number % 3], book) for number, life in enumerate(lives)]
        for name in ("runner", "agent-host", "runner-2"):
            time.sleep(1)
            killed.again(name)
        for each in living:
            each.result()
        found = _evidence(env, lives, book, killed.windows)
    assert [str(each) for each in verdict.judge(found, but=frozenset({"delivered"}))] == []
    assert {row.status for row in found.rows.values()} >= {RunStatus.COMPLETED, RunStatus.CANCELLED}


def _live(life: Life, asking: Asking, book: Ledger) -> None:
    run = asking.ask(life.wanted.message(book.port))
    asking.retries(run, RETRIES if life.wanted.again else 0)
    life.ids.add(run.id)
    life.readers = [Rows(run, asking.env)]
    with ThreadPoolExecutor(1) as pool:
        reading_it = pool.submit(life.readers[0].follow, Event())
        _see_through(life, asking, run)
        reading_it.result()
    life.shown = {"status": asking.read(run).status, "text": asking.read(run).reply or ""}


def _see_through(life: Life, asking: Asking, run: Run) -> None:
    began = time.monotonic()

    def is_over() -> bool:
        now = asking.read(run)
        with asking.env.transaction("shared_psql", "user") as db:
            if now.request is not None and now.status == RunStatus.INPUT_REQUIRED:
                commands.answer(SharedDb(db), run.id, Of(), 1, asked_id=str(now.request["id"]))
            after = life.wanted.cancel_after
            if after is not None and not life.cancelled and not now.ended and time.monotonic() > began + after:
                with suppress(commands.RunEnded):
                    commands.cancel(SharedDb(db), run.id, Of())
                    life.cancelled = True
        return now.ended

    assert until(is_over, seconds=120, pause=0.3), f"{life.wanted.key} doesn't end"


def _evidence(env: Environment, lives: Sequence[Life], book: Ledger, windows: list[Window]) -> evidence.Evidence:
    with env.transaction("shared_psql", "migrator") as db:
        return evidence.collect(db, [*lives], book.calls, windows)
