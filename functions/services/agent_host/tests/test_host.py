"""The host as a process: whom it ends to make room for whom, whom it refuses and why, and what its own end leaves."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from core.ids import new_id
from functions.domain.api_errors import ApiError
from functions.domain.catalog import bundle_store, bundles
from functions.domain.instances.contexts import Context, Message
from functions.runtime import agent_host_client, metrics
from functions.services.agent_host import exposition
from functions.services.agent_host.tests.contexts import a_context
from testing.environment import Environment
from testing.instances import running_host
from tools.harness.scrape import Watch
from tools.local.servers.managed_process import ManagedProcess

Eventually = Callable[..., Any]

AGENT: Final = """
import time

def agent(request):
    text = request.get_json()["text"]
    time.sleep(float(text) if text.replace(".", "").isdigit() else 0)
    return {"text": text}
"""
"""Answers what it was asked, after as many seconds as that says if it is a number."""

LONG: Final = "30"


@dataclass
class Host:
    """A host of a test's own."""

    process: ManagedProcess
    folder: Path
    watch: Watch

    def metrics(self) -> list[str]:
        """Return the lines of what Prometheus is shown."""
        status, text = self.watch.get(metrics.PATH)
        assert status == 200, text
        return text.splitlines()

    def metric(self, name: str) -> float:
        """Return the value of a metric."""
        [value] = [line.split()[1] for line in self.metrics() if line.startswith(f"{name} ")]
        return float(value)

    def family(self) -> list[psutil.Process]:
        """Return every process that it has started, and what those have."""
        return psutil.Process(self.process.process.pid).children(recursive=True)


@pytest.fixture(scope="module")
def digest(env: Environment, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("agent")
    (folder / "main.py").write_text(AGENT)
    assert env.worker
    return bundle_store.keep(bundles.bundle(folder))


@pytest.fixture
def start(env: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Host]]:
    """`start(AGENT_HOST_AWAKE=…)` starts a host with these settings, to which this test's calls go."""
    watch = Watch.on_a_free_port()
    monkeypatch.setenv(agent_host_client.SETTING, f"http://127.0.0.1:{watch.port}")
    with ExitStack() as hosts:

        def start(**settings: str) -> Host:
            process = hosts.enter_context(running_host(env, watch.port, **settings))
            return Host(process, env.session / process.name, watch)

        yield start


@dataclass
class Instance:
    """An instance, asked by calls to the host alone."""

    digest: str
    owner: str
    id: str

    def context(self, text: str = "") -> Context:
        return a_context(
            instance_id=self.id,
            owner_id=self.owner,
            digest=self.digest,
            message=Message(id="msg_1", text=text),
            seconds=60,
        )

    def say(self, text: str) -> str:
        """Return the answer, or the code of what it is refused with."""
        try:
            return agent_host_client.say(self.context(text))
        except ApiError as error:
            return error.code

    @property
    def awake(self) -> int | None:
        return agent_host_client.awake(self.id)

    def end(self) -> None:
        agent_host_client.end({self.id: 1}, 5, lambda: None)


@pytest.fixture
def instance(digest: str) -> Callable[..., Instance]:
    """`instance(owner)` is a new instance of an owner, or of somebody new."""
    return lambda owner="": Instance(digest, owner or new_id("usr"), new_id("ins"))


@contextmanager
def at_work(host: Host, eventually: Eventually, *asked: Instance) -> Iterator[list[Future[str]]]:
    """Have each answer something that takes longer than the block, at the end of which they are ended."""
    before = host.metric(exposition.CALLS)
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = [pool.submit(each.say, LONG) for each in asked]
        try:
            eventually(
                lambda: host.metric(exposition.CALLS) == before + len(asked) and all(each.awake for each in asked)
            )
            yield answers
        finally:
            for each in asked:
                each.end()


def test_an_agent_that_is_asked_nothing_is_ended_and_one_at_work_is_not(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host, mine = start(AGENT_IDLE_SECONDS="0.2"), instance()
    assert mine.say("1.5") == "1.5"
    eventually(lambda: host.metric(exposition.AWAKE) == 0)
    assert mine.say("hello again") == "hello again"
    assert host.metric(exposition.WOKEN) == 2
    eventually(lambda: mine.awake == 0)
    kinds = {exposition.AWAKE: "gauge", exposition.WOKEN: "counter", exposition.CALLS: "gauge"}
    assert {f"# TYPE {name} {kind}" for name, kind in kinds.items()} <= set(host.metrics())


def test_who_was_idle_longest_makes_room_and_of_an_owner_at_the_bound_one_of_their_own(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host = start(AGENT_HOST_AWAKE="6")
    first, second = instance(), instance()
    mine = [instance("usr_me") for _ in range(5)]
    for each in (first, second, *mine[:4], first):
        assert each.say("hello") == "hello"
    assert host.metric(exposition.AWAKE) == 6
    # One owner may have four, whoever else is idle for longer.
    assert mine[4].say("hello") == "hello"
    assert [each.awake for each in (first, second, *mine)] == [1, 1, 0, 1, 1, 1, 1]
    # As many are awake as may be: one of a stranger, who was asked last before `first` was asked again.
    assert instance().say("hello") == "hello"
    assert [each.awake for each in (first, second, *mine)] == [1, 0, 0, 1, 1, 1, 1]
    with at_work(host, eventually, first, *mine[1:]):
        busy = instance()
        with at_work(host, eventually, busy):
            assert instance().say("hello") == "platform_full"
        assert instance().say("hello") == "hello"


def test_each_who_is_refused_is_told_what_there_was_too_much_of(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host = start(THREADS="6")
    mine, another, theirs = instance("usr_me"), instance("usr_me"), instance()
    with at_work(host, eventually, mine, mine, mine, mine, theirs, theirs) as answers:
        with ThreadPoolExecutor(3) as pool:
            said = list(pool.map(lambda each: each.say("hello"), (mine, another, instance())))
        assert said == ["agent_busy", "owner_busy", "platform_full"]
        assert not any(answer.done() for answer in answers)
    assert {answer.result() for answer in answers} == {"agent_unavailable"}
    assert instance().say("hello") == "hello"


def test_a_host_that_is_to_end_finishes_its_answers_and_leaves_no_process(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host, idle, busy = start(), instance(), instance()
    assert idle.say("hello") == "hello"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(busy.say, "3")
        eventually(lambda: host.metric(exposition.CALLS) == 1 and busy.awake == 1)
        family = host.family()
        host.process.ask_to_stop()
        assert answer.result() == "3"
    assert host.process.process.wait(60) == 0
    assert [each for each in family if each.is_running()] == []


def test_what_a_killed_host_has_left_is_gone_once_it_is_started_again(
    start: Callable[..., Host], instance: Callable[..., Instance], eventually: Eventually
) -> None:
    host, mine = start(), instance()
    assert mine.say("hello") == "hello"
    family, homes = host.family(), list((host.folder / "awake").glob("*/[0-9]*"))
    assert (bool(family), len(homes)) == (True, 1)
    host.process.process.kill()
    host.process.process.wait()
    again = start()
    eventually(lambda: not any(each.is_running() for each in family))
    assert [home for home in homes if home.exists()] == []
    assert again.metric(exposition.AWAKE) == 0
    assert mine.say("hello") == "hello"
