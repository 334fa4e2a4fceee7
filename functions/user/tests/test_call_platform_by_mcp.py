"""The platform as a server of MCP: what a person can do, by tools."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.domain.catalog.tests.making import an_agent
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.mcp import TASKS, Client
from testing.people import Person

NOBODY = "ins_" + "0" * 32


@pytest.fixture
def mine(api: Api, person: Callable[..., Person]) -> Client:
    return Client(api, "/v1/mcp", person().token)


def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = client.result("tools/call", name=tool, arguments=arguments)
    assert not result["isError"], result["content"]
    return dict(result["structuredContent"])


def failure(client: Client, tool: str, **arguments: Any) -> str:
    result = client.result("tools/call", name=tool, arguments=arguments)
    assert result["isError"]
    return str(result["content"][0]["text"])


def test_somebody_finds_an_agent_launches_it_and_stops_it(mine: Client, env: Environment) -> None:
    slug = an_agent(env, "1.0.0", name="Unheard of")
    assert slug in {each["agent"] for each in call(mine, "browse_agents", query="unheard")["agents"]}
    assert call(mine, "read_agent", agent=slug)["version"] == "1.0.0"
    launched = call(mine, "launch_instance", agent=slug, name="Mine")
    assert [each["name"] for each in call(mine, "list_instances")["instances"]] == ["Mine"]
    assert call(mine, "stop_instance", instance=launched["instance"])["desired_state"] == "stopped"
    told = call(mine, "explain_instance", instance=launched["instance"])
    assert (told["agent"], told["history"][0]["value"]) == (slug, "stopped")


def test_who_has_not_verified_their_address_launches_and_starts_nothing(
    api: Api, env: Environment, person: Callable[..., Person]
) -> None:
    client = Client(api, "/v1/mcp", person(verified=False).token)
    slug = an_agent(env, "1.0.0")
    assert "Verify your address" in failure(client, "launch_instance", agent=slug, name="Mine")
    assert call(client, "list_instances")["instances"] == []


def test_what_is_said_is_a_task_that_is_read_as_a_run(api: Api, launch: Callable[..., Launched]) -> None:
    instance = launch()
    client = Client(api, "/v1/mcp", instance.owner.token)
    said = {"instance": instance.id, "text": "hello"}
    assert "takes no messages" in failure(client, "say", **said)
    instance.put(status="'running'", observed_generation="generation", deadline_at="null")
    task = client.result("tools/call", name="say", arguments=said, can=TASKS)
    assert call(client, "read_run", run=task["taskId"])["status"] == "queued"
    assert call(client, "cancel_run", run=task["taskId"])["status"] == "cancelled"
    assert client.result("tasks/get", taskId=task["taskId"], can=TASKS)["status"] == "cancelled"


def test_what_is_refused_is_told_in_words(mine: Client, launch: Callable[..., Launched]) -> None:
    theirs = launch().id
    assert failure(mine, "explain_instance", instance=theirs) == failure(mine, "explain_instance", instance=NOBODY)
    assert failure(mine, "say", instance=theirs, text="hello") == failure(mine, "say", instance=NOBODY, text="hello")
    assert "no such agent" in failure(mine, "launch_instance", agent="nothing-of-it", name="Mine")
    assert "arguments don't fit" in failure(mine, "read_run", run="run_1")
    assert mine.error("tools/call", name="nothing") == (400, -32602)
