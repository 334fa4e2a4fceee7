"""Where the lifecycles of a run are lived: functions, database and agent host as they are, and faults between them."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text

from core.ids import new_id
from functions.domain.accounts import access_tokens
from functions.domain.catalog import agents, bundle_store, bundles, releases
from functions.domain.catalog.releases import Release
from functions.domain.databases import SharedDb
from functions.domain.instances.contexts import Context
from functions.domain.instances.plan import Action, Outcome, Result
from functions.jobs import converge, queue
from functions.runtime import agent_host_client
from functions.runtime.agent_host_client import AgentFailed, AgentUnavailable, StartFailed
from functions.tests.lifecycles.stepped import Order, current, pause
from migrations.databases import connect
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from tools.local.ports import free_ports

SOURCE: Final = """
import json, os
with open(os.environ["AGENT_CONFIG"], encoding="utf-8") as file:
    config = json.load(file)
if config["said"] == "raise":
    raise RuntimeError("no key")
def agent(request):
    if request.get_json()["text"] == "die":
        os._exit(3)
    return {"text": json.dumps(["NUMBER", config["said"], config.get("key")])}
"""
"""An agent that tells what it consists of, or doesn't start, or ends."""

SCHEMA: Final = {
    "type": "object",
    "properties": {"said": {"type": "string", "default": "first"}, "key": {"type": "string", "writeOnly": True}},
    "additionalProperties": False,
}

BUNDLES: Final = ("1.0.0", "1.1.0")
IMAGE: Final = "2.0.0"
"""A version that nothing here runs."""

LEASE_SECONDS: Final = 600
"""So long that no lease runs out because the machine is slow, but only when the clock is moved."""

INSTANCES: Final = 3
"""How many instances an account may have."""


class Clock:
    """A clock that can be moved; it goes on by itself too."""

    def __init__(self) -> None:
        """Begin with what the machine's clock says."""
        self.moved = 0.0

    def __call__(self) -> float:
        """Return seconds from any time on."""
        return time.monotonic() + self.moved


class _Leaving(threading.Event):
    """Whether the worker of the thread that asks is to end; its pauses are places at which the test may stop it."""

    def is_set(self) -> bool:
        thread = current()
        return thread is not None and thread.leaving

    def wait(self, timeout: float | None = None) -> bool:
        if timeout:
            pause("resting")
        return self.is_set()


@dataclass
class World:
    """What all lifecycles of a run share."""

    api: Api
    env: Environment
    db: Connection
    """As the migrator, each statement a transaction of its own."""
    slug: str
    versions: dict[str, str]
    """The ids of the versions by their numbers."""
    clock: Clock
    jobs: list[str]
    """Instances of which a job was sent to the workers."""
    reach_host: Callable[[bool], None]
    steps: int = 0
    """What has happened so far, in all lifecycles."""
    reached: Counter[str] = field(default_factory=Counter)
    """How often a status was followed by which, and why."""

    def person(self, *scopes: str) -> Person:
        """Return somebody who has just logged in."""
        account_id = new_id("usr")
        token = access_tokens.issue(account_id, new_id("ses"), ("user", *scopes))
        return Person(account_id, "", "", token, "")

    def move_clock(self, seconds: float, ids: list[str]) -> None:
        """Let time pass for these instances and for everybody who works on them."""
        self.clock.moved += seconds
        times = ("due_at", "deadline_at", "lease_expires_at", "queued_at")
        sets = ", ".join(f"{each} = {each} - make_interval(secs => :seconds)" for each in times)
        self.db.execute(text(f"update instances set {sets} where id = any(:ids)"), {"seconds": seconds, "ids": ids})

    def newest_event(self) -> int:
        """Return the highest number in the outbox."""
        return int(self.db.scalar(text("select coalesce(max(seq), 0) from outbox")) or 0)


@contextmanager
def prepared(api: Api, env: Environment, host_address: str, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[World]:
    """Publish the agent, and have workers stop where the test wants them to."""
    away = f"http://127.0.0.1:{free_ports(1)[0]}"
    slug, versions = _publish(env, folder)
    clock, jobs = Clock(), list[str]()
    patch.setenv("INSTANCE_LEASE_SECONDS", str(LEASE_SECONDS))
    patch.setenv("ACCOUNT_INSTANCES", str(INSTANCES))
    patch.setattr(converge, "reach", _reach)
    patch.setattr(converge, "leaving", _Leaving())
    patch.setattr(converge, "monotonic", clock)
    patch.setattr(queue, "converge", lambda instance_id, **_: jobs.append(instance_id))
    patch.setattr(agent_host_client, "do", _interrupted(agent_host_client.do))
    patch.setattr(agent_host_client, "say", _interrupted_message(agent_host_client.say))

    def reach_host(there: bool) -> None:
        patch.setenv("AGENT_HOST_URL", host_address if there else away)

    with connect("shared_psql", "migrator").connect() as connection:
        db = connection.execution_options(isolation_level="AUTOCOMMIT")
        yield World(api, env, db, slug, versions, clock, jobs, reach_host)
    env.forget_kill_switches()


def _publish(env: Environment, folder: Path) -> tuple[str, dict[str, str]]:
    slug, versions = f"lifecycles-{uuid4().hex}", dict[str, str]()
    with env.transaction("shared_psql", "admin") as connection:
        db = SharedDb(connection)
        agents.create(db, slug, name=slug, summary="For a test.")
        for number in BUNDLES:
            source = folder / number
            source.mkdir()
            (source / "main.py").write_text(SOURCE.replace("NUMBER", number))
            bundle = bundle_store.keep(bundles.bundle(source))
            versions[number] = releases.publish(db, slug, Release(number, SCHEMA, None, bundle))[0]
        # Not by `releases.checked`, which refuses an image.
        versions[IMAGE] = releases.publish(db, slug, Release(IMAGE, SCHEMA, "registry.example/agent:1", None))[0]
    return slug, versions


def _reach(place: str, times: int = 1) -> None:
    del times
    if not place.startswith("converge.done."):
        pause(place)


Do = Callable[[Action, Context, Callable[[], None]], Outcome]
Say = Callable[[Context], str]


def _interrupted(do: Do) -> Do:
    """Return `do` with a place before it, at which the call may be lost, or its answer, or may be answered badly."""

    def call(action: Action, context: Context, keep: Callable[[], None]) -> Outcome:
        order = pause(f"calling {action}")
        # What keeps the lease is called as long as a host works, however fast it is here.
        keep()
        match order:
            case Order.NOT_TAKEN:
                return Outcome(Result.UNREACHABLE)
            case Order.FAILS if action != Action.END:
                return Outcome(Result.FAILED, "it ended with the exit code 1")
            case Order.TIMES_OUT if action != Action.END:
                return Outcome(Result.TIMED_OUT)
        outcome = do(action, context, keep)
        return Outcome(Result.UNREACHABLE) if order == Order.ANSWER_LOST else outcome

    return call


def _interrupted_message(say: Say) -> Say:
    """Return `say` with the same for messages."""

    def call(context: Context) -> str:
        order = pause("calling an agent")
        match order:
            case Order.NOT_TAKEN:
                raise AgentUnavailable
            case Order.FAILS | Order.TIMES_OUT:
                raise StartFailed(AgentFailed("The agent didn't start: it ended with the exit code 1."))
        answer = say(context)
        if order == Order.ANSWER_LOST:
            raise AgentUnavailable
        return answer

    return call


def told(number: str, said: str, key: str | None) -> str:
    """Return what an agent answers that consists of this."""
    return json.dumps([number, said, key])
