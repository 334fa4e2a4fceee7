"""Where the lifecycles of a run are lived: functions, database and agent host as they are, and faults between them."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text

from core.ids import new_id
from functions.domain.accounts import access_tokens
from functions.domain.accounts.access_tokens import SECOND_FACTOR, Authentication
from functions.domain.catalog import agents, bundle_store, bundles, releases
from functions.domain.catalog.releases import Release
from functions.domain.databases import SharedDb
from functions.domain.instances.contexts import Context
from functions.domain.instances.plan import Action, Outcome, Result
from functions.drivers import registry
from functions.drivers.base import LABEL, DriverUnavailable, Observation, VersionDeployment, VersionDriver
from functions.drivers.tests.fake_openfaas import PASSWORD, FakeOpenFaas
from functions.drivers.tests.fake_platform import Reply, image, serving
from functions.jobs import converge, queue, versions
from functions.runtime import agent_host_client
from functions.runtime.agent_host_client import AgentFailed, AgentUnavailable, Ended, Line, StartFailed
from functions.tests.lifecycles.stepped import Order, current, pause
from migrations.databases import connect
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from tools.documents import Document
from tools.local.ports import free_ports

T = TypeVar("T")

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
"""A version that is an image, and tells what it consists of whatever that is."""
BROKEN_IMAGE: Final = "2.1.0"
"""One whose image isn't in its registry."""

LEASE_SECONDS: Final = 600
"""So long that no lease runs out because the machine is slow, but only when the clock is moved."""

PATIENCE: Final = 120
"""Seconds that an agent may take to start, and to answer: on a slow machine everything is slow."""

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
    platform: "Platform"
    """Where images run."""
    reach_host: Callable[[bool], None]
    steps: int = 0
    """What has happened so far, in all lifecycles."""
    reached: Counter[str] = field(default_factory=Counter)
    """How often a status was followed by which, and why."""

    def person(self, *scopes: str) -> Person:
        """Return somebody who has just logged in, and whose address is verified."""
        account_id = new_id("usr")
        self.db.execute(text("insert into verified_accounts (account_id) values (:id)"), {"id": account_id})
        token = access_tokens.issue(account_id, new_id("ses"), ("user", *scopes), Authentication(SECOND_FACTOR))
        return Person(account_id, "", "", token, "")

    def move_clock(self, seconds: float, ids: list[str]) -> None:
        """Let time pass for these instances and for everybody who works on them."""
        self.clock.moved += seconds
        of_instances = _earlier("due_at", "deadline_at", "lease_expires_at", "queued_at", "updated_at")
        of_versions = _earlier("lease_expires_at", "deployed_at")
        moved: dict[str, object] = {"seconds": seconds, "ids": ids, "versions": list(self.versions.values())}
        self.db.execute(text(f"update instances set {of_instances} where id = any(:ids)"), moved)
        self.db.execute(text(f"update version_deployments set {of_versions} where version_id = any(:versions)"), moved)

    def forget(self, ids: list[str]) -> None:
        """Leave nothing of instances to whoever comes next, however far they are."""
        for statement in (
            "delete from run_events where run_id in (select id from runs where instance_id = any(:ids))",
            "delete from runs where instance_id = any(:ids)",
            "update instances set desired_state = 'deleted', status = 'deleted' where id = any(:ids)",
            "delete from instance_specs where instance_id = any(:ids)",
            "delete from instance_secrets where instance_id = any(:ids)",
        ):
            self.db.execute(text(statement), {"ids": ids})

    def newest_event(self) -> int:
        """Return the highest number in the outbox."""
        return int(self.db.scalar(text("select coalesce(max(seq), 0) from outbox")) or 0)


def _earlier(*columns: str) -> str:
    return ", ".join(f"{each} = {each} - make_interval(secs => :seconds)" for each in columns)


class Platform(FakeOpenFaas):
    """A platform for images, whose agents tell what they consist of."""

    def has(self, version_id: str) -> bool:
        """Return whether something of a version is deployed."""
        return any(each["labels"][LABEL] == version_id for each in self.functions.values())

    def lose_everything(self) -> None:
        """Forget what was deployed."""
        with self.lock:
            self.functions.clear()
            self.snapshots.clear()

    def _call(self, name: str, message: Document | None) -> Reply:
        status, answer = super()._call(name, message)
        if status == HTTPStatus.OK and message:
            config = message["config"]
            return status, {"text": told(IMAGE, config["said"], config.get("key"))}
        return status, answer


class SteppedDriver:
    """A driver with a place before each call, at which the call may be lost, or its answer."""

    def __init__(self, driver: VersionDriver) -> None:
        self._driver = driver
        self.inventory, self.logs = driver.inventory, driver.logs

    def deploy(self, deployment: VersionDeployment, token: int, /) -> None:
        _called(lambda: self._driver.deploy(deployment, token))

    def observe(self, version_id: str, /) -> Observation:
        return _called(lambda: self._driver.observe(version_id))

    def remove(self, version_id: str, token: int, /) -> None:
        _called(lambda: self._driver.remove(version_id, token))


def _called(call: Callable[[], T]) -> T:
    order = pause("calling a platform")
    if order == Order.NOT_TAKEN:
        raise DriverUnavailable
    answer = call()
    if order == Order.ANSWER_LOST:
        raise TimeoutError
    return answer


@contextmanager
def prepared(api: Api, env: Environment, host_address: str, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[World]:
    """Publish the agent, and have workers stop where the test wants them to."""
    away = f"http://127.0.0.1:{free_ports(1)[0]}"
    slug, published = _publish(env, folder)
    clock, jobs = Clock(), list[str]()
    patch.setenv("INSTANCE_LEASE_SECONDS", str(LEASE_SECONDS))
    patch.setenv("ACCOUNT_INSTANCES", str(INSTANCES))
    patch.setitem(converge.SECONDS, Action.VERIFY, PATIENCE)
    patch.setattr(converge, "reach", _reach)
    patch.setattr(converge, "leaving", _Leaving())
    patch.setattr(converge, "monotonic", clock)
    patch.setattr(queue, "converge", lambda instance_id, **_: jobs.append(instance_id))
    patch.setattr(agent_host_client, "do", _interrupted(agent_host_client.do))
    patch.setattr(agent_host_client, "end", _interrupted_end(agent_host_client.end))
    patch.setattr(agent_host_client, "call", _interrupted_message(agent_host_client.call))

    platform = Platform(age=timedelta(hours=1))
    patch.setenv("DRIVER", "openfaas")
    patch.setenv("BASIC_AUTH_USER", "admin")
    patch.setenv("BASIC_AUTH_PASSWORD", PASSWORD)
    patch.setattr(versions, "POLL", 0.01)

    def reach_host(there: bool) -> None:
        patch.setenv("AGENT_HOST_URL", host_address if there else away)

    with serving(platform), connect("shared_psql", "migrator").connect() as connection:
        patch.setenv("DRIVER_URL", platform.url)
        driver = SteppedDriver(registry.from_settings())
        patch.setattr(versions, "driver", lambda: driver)
        db = connection.execution_options(isolation_level="AUTOCOMMIT")
        yield World(api, env, db, slug, published, clock, jobs, platform, reach_host)


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
        for number, kind in (IMAGE, "good"), (BROKEN_IMAGE, "missing"):
            versions[number] = releases.publish(db, slug, Release(number, SCHEMA, image(kind), None))[0]
    return slug, versions


def _reach(place: str, times: int = 1) -> None:
    del times
    if not place.startswith("converge.done."):
        pause(place)


Do = Callable[[Action, Context, Callable[[], None]], Outcome]
End = Callable[[Mapping[str, int], float, Callable[[], None]], Ended]
Call = Callable[[Context], Generator[Line]]


def _interrupted(do: Do) -> Do:
    """Return `do` with a place before it, at which the call may be lost, or its answer, or may be answered badly."""

    def call(action: Action, context: Context, keep: Callable[[], None]) -> Outcome:
        order = pause(f"calling {action}")
        # What keeps the lease is called as long as a host works, however fast it is here.
        keep()
        match order:
            case Order.NOT_TAKEN:
                return Outcome(Result.UNREACHABLE)
            case Order.FAILS:
                return Outcome(Result.FAILED, "it ended with the exit code 1")
            case Order.TIMES_OUT:
                return Outcome(Result.TIMED_OUT)
        outcome = do(action, context, keep)
        return Outcome(Result.UNREACHABLE) if order == Order.ANSWER_LOST else outcome

    return call


def _interrupted_end(end: End) -> End:
    """Return `end` with the same for ends, which can't fail in another way than that nobody answers."""

    def call(row_versions: Mapping[str, int], seconds: float, keep: Callable[[], None]) -> Ended:
        order = pause("calling end")
        keep()
        unanswered = Ended(Outcome(Result.UNREACHABLE))
        if order == Order.NOT_TAKEN:
            return unanswered
        ended = end(row_versions, seconds, keep)
        return unanswered if order == Order.ANSWER_LOST else ended

    return call


def _interrupted_message(call: Call) -> Call:
    """Return `call` with the same for messages."""

    def interrupted(context: Context) -> Generator[Line]:
        order = pause("calling an agent")
        match order:
            case Order.NOT_TAKEN:
                raise AgentUnavailable
            case Order.FAILS | Order.TIMES_OUT:
                raise StartFailed(AgentFailed("The agent didn't start: it ended with the exit code 1."))
        for line in call(context.model_copy(update={"seconds": PATIENCE})):
            if order != Order.ANSWER_LOST or line[0] == "working":
                yield line

    return interrupted


def told(number: str, said: str, key: str | None) -> str:
    """Return what an agent answers that consists of this."""
    return json.dumps([number, said, key])
