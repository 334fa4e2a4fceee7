"""One child of each version in use is forked ahead: the next instance gets it, and nobody can tell."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.services.agent_host.sandbox import process_tree, spares
from functions.services.agent_host.sandbox.child import Child
from functions.services.agent_host.sandbox.children import Rules
from functions.services.agent_host.sandbox.code import Code
from functions.services.agent_host.sandbox.limits import Egress, Limits
from functions.services.agent_host.sandbox.tests.conftest import Sandbox, ask

Eventually = Callable[..., Any]

AGENT = """
    import os, resource
    {}

    def agent(request):
        with open(os.environ["AGENT_CONFIG"]) as file:
            config = file.read()
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return {{"config": config, "home": os.getcwd(), "open_files": files, "left": os.listdir(".")}}
"""


def spare_of(sandbox: Sandbox, code: Code) -> Child | None:
    found = sandbox.children._spares._spares.get(code.digest)
    return found.child if found else None


def pids_of(child: Child) -> list[int]:
    return process_tree.everywhere(range(child.mark, child.mark + 1))


@pytest.fixture
def waiting(sandbox: Sandbox, eventually: Eventually) -> tuple[Sandbox, Code, Child]:
    """A version that was woken once, and its spare."""
    return sandbox, *woken(sandbox, eventually)


def woken(sandbox: Sandbox, eventually: Eventually, loading: str = "", name: str = "code") -> tuple[Code, Child]:
    code = sandbox.code(AGENT.format(loading), name)
    ask(sandbox.wake(code, config="first", key="first"))
    spare = eventually(lambda: spare_of(sandbox, code))
    eventually(lambda: pids_of(spare))
    return code, spare


@pytest.mark.parametrize("loading", ["print('loading')", "open(os.environ['AGENT_CONFIG']).close(); print('loading')"])
def test_the_next_instance_gets_what_was_forked_ahead(sandbox: Sandbox, eventually: Eventually, loading: str) -> None:
    code, spare = woken(sandbox, eventually, loading)
    before = pids_of(spare)
    child = sandbox.wake(code, config="second", key="second")
    assert child is spare
    assert pids_of(child) == before
    told = ask(child)
    assert (told["config"], told["home"]) == ('"second"', str(child.home))
    assert sorted(told["left"]) == ["config.json", "tmp"]
    assert child.processor_seconds is not None
    # What was written while it was loaded is in each one's log, once, and in nobody else's.
    eventually(lambda: [each.key for each in sandbox.logged if each.text == "loading"] == ["first", "second"])
    eventually(lambda: spare_of(sandbox, code) not in {None, spare})


def test_a_spare_is_told_nothing_of_anybody(waiting: tuple[Sandbox, Code, Child]) -> None:
    _, _, spare = waiting
    assert spare.key == ""
    assert [each.name for each in spare.home.iterdir()] in ([], ["tmp"])


def test_who_has_other_limits_gets_a_child_of_its_own(waiting: tuple[Sandbox, Code, Child]) -> None:
    sandbox, code, spare = waiting
    child = sandbox.wake(code, limits=Limits(open_files=100))
    assert child is not spare
    assert ask(child)["open_files"] == 100
    assert ask(sandbox.wake(code))["open_files"] == Limits().open_files


def test_one_that_is_killed_is_missed_by_nobody(waiting: tuple[Sandbox, Code, Child], eventually: Eventually) -> None:
    sandbox, code, spare = waiting
    for pid in pids_of(spare):
        os.kill(pid, signal.SIGKILL)
    # At once, before anybody has heard of it.
    assert ask(sandbox.wake(code, config="next", key="next"))["config"] == '"next"'
    eventually(lambda: spare.exit)
    assert "" not in sandbox.exits
    assert not spare.home.exists()


def test_several_at_once_get_one_each(waiting: tuple[Sandbox, Code, Child]) -> None:
    sandbox, code, _ = waiting
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda number: ask(sandbox.wake(code, config=number)), range(1, 13)))
    assert [each["config"] for each in told] == [str(number) for number in range(1, 13)]
    assert len({each["home"] for each in told}) == 12


def test_what_nobody_wakes_for_a_while_keeps_none(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, eventually: Eventually
) -> None:
    monkeypatch.setattr(spares, "IDLE_SECONDS", 0.2)
    code = sandbox.code(AGENT.format(""))
    child = sandbox.wake(code)
    eventually(lambda: list(child.home.parent.glob("[0-9]*")) == [child.home])
    eventually(lambda: spare_of(sandbox, code) is None)
    assert ask(child)["config"] == "{}"


def test_beyond_the_most_the_one_of_the_version_that_was_woken_first_ends(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, eventually: Eventually
) -> None:
    monkeypatch.setattr(spares, "MOST", 1)
    _, first = woken(sandbox, eventually, "one = 1", "one")
    _, second = woken(sandbox, eventually, "two = 2", "two")
    assert first.ends_within(120)
    assert second.exit is None


def test_none_takes_the_room_of_who_is_awake(make: Callable[[Rules], Sandbox], eventually: Eventually) -> None:
    sandbox = make(Rules(Egress.NONE, room=2))
    code, spare = woken(sandbox, eventually)
    other = sandbox.wake(AGENT.format("other = 1"))
    assert spare.ends_within(120)
    eventually(sandbox.children._spares._wanted.empty)
    assert ask(other)["config"] == "{}"
    assert spare_of(sandbox, code) is None


def test_one_that_uses_too_much_is_ended(sandbox: Sandbox, eventually: Eventually) -> None:
    # An author's code runs in it only as what a fork calls.
    code = sandbox.code(
        AGENT.format("""
    import threading

    def grow():
        global big
        big = b"x" * 2 ** 27

    os.register_at_fork(after_in_child=lambda: threading.Timer(0.5, grow).start())
    """)
    )
    limits = Limits(memory_bytes=2**26)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(sandbox.wake, code, limits=limits, key="greedy").exception()
    sandbox.children._spares.want(code, limits)
    spare = eventually(lambda: spare_of(sandbox, code))
    assert spare.ends_within(120)


def test_none_is_left_when_the_spawner_is_killed(waiting: tuple[Sandbox, Code, Child]) -> None:
    sandbox, code, spare = waiting
    spawner = sandbox.children.spawner
    assert spawner is not None
    os.kill(spawner, signal.SIGKILL)
    assert spare.ends_within(120)
    assert pids_of(spare) == []
    assert ask(sandbox.wake(code, config="next"))["config"] == '"next"'


def test_none_is_left_at_the_end(waiting: tuple[Sandbox, Code, Child]) -> None:
    sandbox, _, spare = waiting
    sandbox.children.close()
    assert pids_of(spare) == []


def test_who_is_ended_while_being_told_is_not_woken_again(waiting: tuple[Sandbox, Code, Child]) -> None:
    sandbox, code, spare = waiting
    with ThreadPoolExecutor(1) as pool:
        # It doesn't take a context that is longer than what its door holds, as long as it is stopped.
        for pid in pids_of(spare):
            os.kill(pid, signal.SIGSTOP)
        waking = pool.submit(sandbox.wake, code, config="x" * 4_000_000, key="long")
        while not (found := sandbox.children.begin_end("long", 0)):
            pass
        assert found == [spare]
        assert waking.exception() is not None
