"""An agent host that is killed and comes back: no end of the agent's own, and nothing that counts as a failed start."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.jobs import converge
from testing.environment import Environment
from testing.instances import running_host
from testing.launches import Launched
from tools.local.ports import free_ports

Launch = Callable[..., Launched]


@pytest.fixture
def port(agent_host: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Where the hosts of this test answer, one after the other."""
    [port] = free_ports(1)
    monkeypatch.setenv("AGENT_HOST_URL", f"http://127.0.0.1:{port}")
    return port


def killed_and_told(instance: Launched, env: Environment, port: int) -> list[dict[str, Any]]:
    """Have an instance run on a host, kill that, and return what its owner is told when another has come."""
    with running_host(env, port) as first:
        converge.converge(instance.id)
        assert instance.say("before").json["text"] == "before"
        first.process.kill()
        first.process.wait()
        assert instance.say("meanwhile").json["reason"] == "agent_unavailable"
        converge.converge(instance.id)
    with running_host(env, port):
        converge.converge(instance.id)
        assert instance.say("after").json["text"] == "after"
        return instance.history()


def test_what_ran_on_a_host_that_was_killed_runs_on_the_next_and_nothing_is_told_of_it(
    launch: Launch, env: Environment, port: int
) -> None:
    instance = launch()
    history = killed_and_told(instance, env, port)
    assert [each["reason"] for each in history] == ["created", "preparing", "starting", "agent_ready"]
    assert (instance.status, instance.read()["attempts"]) == ("running", 0)
