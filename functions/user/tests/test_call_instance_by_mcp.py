"""An instance as a server of MCP: what it offers, tasks over runs, and what it refuses."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import text

from functions.domain.catalog.releases import Declared
from functions.domain.catalog.tests.making import an_agent, publish
from testing import launches, people
from testing.clients import Api
from testing.environment import Environment
from testing.launches import Launched
from testing.mcp import TASKS, Client
from testing.people import Person

INTERFACE: Final[dict[str, Any]] = {
    "tools": [
        {
            "name": "add",
            "description": "Adds.",
            "input_schema": {
                "type": "object",
                "properties": {"to": {"type": "integer", "x-mcp-header": "To"}},
                "required": ["to"],
            },
        },
        {"name": "draw", "description": "Draws.", "input_schema": {"type": "object"}, "requires": ["sampling"]},
        {"name": "long", "description": "Takes long.", "input_schema": {"type": "object"}, "task": "required"},
        {
            "name": "who",
            "description": "Asks first.",
            "input_schema": {"type": "object"},
            "asks": {"name": {"method": "elicitation/create", "params": {"message": "Who?"}}},
        },
    ],
    "prompts": [
        {
            "name": "greet",
            "description": "Greets.",
            "arguments": [{"name": "who", "description": "Whom.", "required": True}],
            "messages": [{"role": "user", "content": {"type": "text", "text": "Greet {who}, {not} more."}}],
        }
    ],
    "resources": [
        {"uri": "a://b", "name": "B", "description": "One.", "text": "This."},
        {"uri_template": "a://{id}/c", "name": "C", "description": "Many.", "text": "It is {id}."},
    ],
}


@pytest.fixture(scope="module")
def offering(api: Api, env: Environment) -> Client:
    """Give an instance that offers INTERFACE, and is said to be running."""
    slug = an_agent(env)
    publish(env, slug, "1.0.0", declared=Declared(interface=INTERFACE))
    instance = launches.launch(api, env, people.arrive(api, env, ["user"]), slug)
    instance.put(status="'running'", observed_generation="generation", deadline_at="null")
    return Client.of(instance)


def test_an_agent_that_says_nothing_of_it_has_one_tool(launch: Callable[..., Launched]) -> None:
    client = Client.of(launch())
    told = client.result("server/discover")
    assert told["supportedVersions"] == ["2026-07-28"]
    assert told["capabilities"]["extensions"] == {"io.modelcontextprotocol/tasks": {}}
    [tool] = client.result("tools/list")["tools"]
    assert (tool["name"], tool["inputSchema"]["required"]) == ("say", ["text"])


def test_it_offers_what_its_version_declares(offering: Client) -> None:
    assert [each["name"] for each in offering.result("tools/list")["tools"]] == ["add", "draw", "long", "who"]
    prompt = offering.result("prompts/get", name="greet", arguments={"who": "Ann"})
    assert prompt["messages"][0]["content"]["text"] == "Greet Ann, {not} more."
    assert [each["uri"] for each in offering.result("resources/list")["resources"]] == ["a://b"]
    read = offering.result("resources/read", uri="a://7/c")
    assert read["contents"] == [{"uri": "a://7/c", "mimeType": "text/plain", "text": "It is 7."}]


@pytest.mark.parametrize(
    ("method", "asked", "refused"),
    [
        ("initialize", {}, (404, -32601)),
        ("tools/list", {"cursor": "x"}, (400, -32602)),
        ("tools/list", {"headers": {"MCP-Protocol-Version": None}}, (400, -32020)),
        ("tools/list", {"headers": {"Mcp-Method": "tools/call"}}, (400, -32020)),
        ("tools/call", {"name": "none"}, (400, -32602)),
        ("tools/call", {"name": "add", "headers": {"Mcp-Name": "sub"}}, (400, -32020)),
        ("tools/call", {"name": "add", "arguments": {"to": 1}}, (400, -32020)),
        ("tools/call", {"name": "add", "headers": {"Mcp-Param-To": "1"}}, (400, -32020)),
        ("tools/call", {"name": "add", "requestState": "run_1.ask_1"}, (400, -32602)),
        ("tools/call", {"name": "draw"}, (400, -32021)),
        ("tools/call", {"name": "long"}, (400, -32021)),
        ("prompts/get", {"name": "greet"}, (400, -32602)),
        ("resources/read", {"uri": "a://none"}, (400, -32602)),
        ("tasks/get", {"taskId": "run_1"}, (400, -32021)),
        ("tasks/get", {"taskId": "run_1", "can": TASKS}, (400, -32602)),
        ("tools/list", {"headers": {"Origin": "http://evil.example.com"}}, (403, -32000)),
        ("tools/list", {"headers": {"X-Forwarded-Host": "evil.example.com"}}, (403, -32000)),
    ],
)
def test_what_is_wrong_has_the_protocol_s_code(
    offering: Client, method: str, asked: dict[str, Any], refused: tuple[int, int]
) -> None:
    assert offering.error(method, **asked) == refused


@pytest.mark.parametrize(
    ("body", "refused"),
    [(b"{", (400, -32700)), (b"[]", (400, -32600)), (b'{"jsonrpc": "2.0", "id": 1, "method": "a"}', (400, -32602))],
)
def test_what_is_no_request_is_refused(offering: Client, body: bytes, refused: tuple[int, int]) -> None:
    headers = {"Content-Type": "application/json"}
    answer = offering.api.user.post(offering.path, data=body, headers=headers, token=offering.token)
    assert (answer.status_code, answer.json["error"]["code"]) == refused


def test_who_has_no_token_is_told_where_to_get_in(offering: Client) -> None:
    answer = offering.api.user.post(offering.path, json={})
    assert answer.status_code == 401
    told = answer.headers["WWW-Authenticate"]
    place = told.split('resource_metadata="')[1].split('"')[0]
    path = "/" + place.split("/", 3)[3]
    metadata = offering.api.user.get(path).json
    assert metadata["resource"].endswith(offering.path)
    assert metadata["scopes_supported"] == ["user"]
    assert metadata["authorization_servers"] == [metadata["resource"].removesuffix(offering.path)]


def test_somebody_else_s_instance_and_task_are_not_there(offering: Client, person: Callable[..., Person]) -> None:
    answer = offering.ask("tools/list", token=person().token)
    assert (answer.status_code, answer.json["error"]["data"]["code"]) == (404, "instance_not_found")


def test_a_task_is_a_run_that_is_read_answered_and_cancelled(offering: Client, env: Environment) -> None:
    arguments: dict[str, Any] = {"name": "add", "arguments": {"to": 1}, "headers": {"Mcp-Param-To": "1"}}
    task = offering.result("tools/call", can=TASKS, **arguments)
    assert (task["resultType"], task["status"]) == ("task", "working")
    ids = {"taskId": task["taskId"], "can": TASKS}
    asks = '{"id": "ask_1", "text": "Sure?", "schema": {"type": "boolean"}}'
    with env.transaction("shared_psql", "migrator") as db:
        db.execute(
            text("update runs set status = 'input_required', request = cast(:asks as jsonb) where id = :id"),
            {"asks": asks, "id": task["taskId"]},
        )
    [(key, request)] = offering.result("tasks/get", **ids)["inputRequests"].items()
    assert request["params"]["requestedSchema"]["properties"] == {"value": {"type": "boolean"}}
    for wrong in (42, {"action": "accept", "content": {"value": "yes"}}):
        offering.result("tasks/update", inputResponses={key: wrong}, **ids)
        assert offering.result("tasks/get", **ids)["status"] == "input_required"
    offering.result("tasks/update", inputResponses={key: {"action": "accept", "content": {"value": True}}}, **ids)
    assert offering.result("tasks/get", **ids)["status"] == "working"
    offering.result("tasks/cancel", **ids)
    offering.result("tasks/cancel", **ids)
    assert offering.result("tasks/get", **ids)["status"] == "cancelled"


def test_what_is_asked_first_is_asked_before_there_is_a_run(offering: Client) -> None:
    can = {"elicitation": {}, **TASKS}
    asked = offering.result("tools/call", name="who", can=can)
    assert (asked["resultType"], list(asked["inputRequests"])) == ("input_required", ["name"])
    answers = {"name": {"action": "accept", "content": {"name": "Ann"}}}
    task = offering.result("tools/call", name="who", can=can, inputResponses=answers)
    assert task["resultType"] == "task"
    offering.result("tasks/cancel", taskId=task["taskId"], can=TASKS)


def test_arguments_that_do_not_fit_are_the_tool_s_failure(offering: Client) -> None:
    result = offering.result("tools/call", name="add", arguments={})
    assert (result["isError"], "to" in result["content"][0]["text"]) == (True, True)


def test_an_instance_that_does_not_run_says_so(launch: Callable[..., Launched]) -> None:
    instance = launch()
    result = Client.of(instance).result("tools/call", name="say", arguments={"text": "hello"})
    assert result["isError"]
    assert "takes no messages" in result["content"][0]["text"]
