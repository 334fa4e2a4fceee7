"""A2A through the product: an agent that asks, by both bindings, with a real runner and agent host."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from functions.domain.a2a.cards import RESUMING
from testing.environment import Environment
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response
from testing.runners import running_runner
from tools.documents import Document
from tools.local.servers.managed_process import ManagedProcess

AGENT: Final = """
import time

def agent(request):
    asked = request.get_json()
    if "answer" in asked:
        yield f"So {asked['answer']['value']}."
    elif asked["text"] == "ask":
        yield {"type": "input", "text": "Which?", "schema": {"type": "string"}}
    elif asked["text"] == "slow":
        yield "begun"
        time.sleep(60)
    else:
        yield {"type": "data", "name": "a2a.artifact", "data": {"parts": [{"text": asked["protocol_id"]}]}}
        for word in asked["text"].split():
            yield word + " "
"""

V1: Final = {"A2A-Version": "1.0"}


class Client:
    """A client of A2A with one instance."""

    def __init__(self, instance: Launched, token: str | None = None) -> None:
        self.instance = instance
        self.token = token or instance.owner.token
        instance.put(status="'running'", observed_generation="generation", deadline_at="null")

    def rest(self, method: str, path: str, body: Document | None = None, **headers: str) -> Response:
        return self.instance.api.user.request(
            method, f"{self.instance.path}/a2a/rest{path}", json=body, token=self.token, headers=V1 | headers
        )

    def rpc(self, method: str, params: object, **headers: str) -> Response:
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        path = f"{self.instance.path}/a2a/rpc"
        return self.instance.api.user.post(path, json=body, token=self.token, headers=V1 | headers)

    def result(self, method: str, params: object) -> Document:
        answer = self.rpc(method, params)
        assert (answer.status_code, answer.json["id"]) == (200, 7), answer.text
        return dict(answer.json["result"])

    def error(self, method: str, params: object) -> int:
        answer = self.rpc(method, params)
        assert answer.status_code == 200
        return int(answer.json["error"]["code"])


def said(text: str, **more: object) -> Document:
    message = {"messageId": uuid.uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}], **more}
    return {"message": message, "configuration": {}}


def frames(answer: Response) -> list[tuple[int, Document]]:
    """Return what a stream has said, with the numbers."""
    assert answer.headers["Content-Type"].startswith("text/event-stream"), answer.text
    found = [each.split("\n") for each in answer.text.split("\n\n") if each.startswith("id: ")]
    return [(int(number[4:]), json.loads(data[6:])) for number, data in found]


@pytest.fixture(scope="module")
def runner(env: Environment, host_address: str) -> Iterator[ManagedProcess]:
    with running_runner(env, f"runner-{env.worker}-a2a", AGENT_HOST_URL=host_address) as process:
        yield process


@pytest.fixture
def client(launch: Callable[..., Launched], runner: ManagedProcess) -> Client:
    assert runner.alive
    return Client(launch(AGENT))


def test_a_message_is_answered_by_both_bindings_alike(client: Client) -> None:
    by_rest = client.rest("POST", "/message:send", said("one two"))
    assert by_rest.headers["Content-Type"] == "application/a2a+json"
    first, second = by_rest.json["task"], client.result("SendMessage", said("one two"))["task"]
    for task in (first, second):
        assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        asked = task["history"][0]["messageId"]
        assert [each["parts"] for each in task["artifacts"]] == [[{"text": "one two "}], [{"text": asked}]]
    shown = client.rest("GET", f"/tasks/{first['id']}?historyLength=0").json
    assert (shown["id"], "history" in shown) == (first["id"], False)
    assert client.result("GetTask", {"id": first["id"]}) == first


def test_a_stream_is_the_task_and_then_what_happens_and_goes_on_where_it_was_cut(client: Client) -> None:
    streamed = frames(client.rest("POST", "/message:stream", said("one two three")))
    kinds = [next(iter(each)) for _, each in streamed]
    assert (kinds[0], kinds[-1]) == ("task", "statusUpdate")
    assert streamed[-1][1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"
    task_id = streamed[0][1]["task"]["id"]
    assert client.rest("POST", f"/tasks/{task_id}:subscribe").json["error"]["code"] == 400
    number = streamed[2][0]
    rest = frames(
        client.rpc("SubscribeToTask", {"id": task_id}, **{"A2A-Extensions": RESUMING, "Last-Event-ID": str(number)})
    )
    assert [each for each, _ in rest] == [number, *(each for each, _ in streamed[3:])]
    resumed = [each["result"] for _, each in rest]
    assert resumed[0]["task"]["metadata"][RESUMING] == {"sequence": number}
    assert [without_number(each) for each in resumed[1:]] == [each for _, each in streamed[3:]]


def without_number(said: Document) -> Document:
    [(kind, value)] = said.items()
    metadata = {name: each for name, each in value["metadata"].items() if name != RESUMING}
    return {kind: {**value, "metadata": metadata} if metadata else {k: v for k, v in value.items() if k != "metadata"}}


def test_what_an_agent_asks_is_answered_by_a_message_to_its_task(client: Client) -> None:
    waiting = client.result("SendMessage", said("ask"))["task"]
    assert waiting["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert waiting["status"]["message"]["parts"][0] == {"text": "Which?"}
    other = client.rest("POST", "/message:send", said("blue", taskId=waiting["id"], contextId="another"))
    assert other.json["error"]["details"][0]["reason"] == "INVALID_PARAMS"
    answer = said("blue", taskId=waiting["id"])
    ended = client.rest("POST", "/message:send", answer).json["task"]
    assert ended["artifacts"][0]["parts"] == [{"text": "So blue."}]
    assert [each["parts"][0]["text"] for each in ended["history"]] == ["ask", "Which?", "blue"]
    assert client.error("SendMessage", said("red", taskId=waiting["id"])) == -32004


def test_a_task_is_cancelled_and_a_message_that_comes_twice_meanwhile_is_taken_once(client: Client) -> None:
    message = said("slow") | {"configuration": {"returnImmediately": True}}
    first, again = [client.result("SendMessage", message)["task"]["id"] for _ in range(2)]
    assert first == again
    cancelled = client.rest("POST", f"/tasks/{first}:cancel").json
    assert cancelled["status"]["state"] == "TASK_STATE_CANCELED"
    assert client.error("CancelTask", {"id": first}) == -32002
    another = client.result("SendMessage", message)["task"]["id"]
    assert another != first
    # A runner that is to end would wait for it.
    client.rest("POST", f"/tasks/{another}:cancel")
    keyed = [client.rest("POST", "/message:send", said("hi"), **{"Idempotency-Key": "k"}).json for _ in range(2)]
    assert keyed[1]["error"]["code"] == 400, "it is another message with the same key"


def test_tasks_are_listed_by_the_time_of_their_status(client: Client) -> None:
    ids = [client.result("SendMessage", said("hi", contextId="ours"))["task"]["id"] for _ in range(3)]
    page = client.rest("GET", "/tasks?pageSize=2&contextId=ours").json
    assert ([each["id"] for each in page["tasks"]], page["totalSize"]) == ([ids[2], ids[1]], 3)
    assert all("artifacts" not in each for each in page["tasks"])
    more = {"pageSize": 2, "contextId": "ours", "pageToken": page["nextPageToken"], "includeArtifacts": True}
    last = client.result("ListTasks", more)
    assert ([each["id"] for each in last["tasks"]], last["nextPageToken"]) == ([ids[0]], "")
    assert last["tasks"][0]["artifacts"]
    assert client.error("ListTasks", {**more, "contextId": "others"}) == -32602


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("GetTask", {"id": "run_1"}, -32001),
        ("GetTask", {}, -32602),
        ("Nothing", {}, -32601),
        ("SendMessage", {}, -32602),
        ("SendMessage", said("hi", parts=[{"raw": "AA==", "mediaType": "image/png"}]), -32005),
        ("SendMessage", said("hi", taskId="run_1"), -32001),
    ],
)
def test_errors_have_the_codes_of_a2a(client: Client, method: str, params: Document, code: int) -> None:
    assert client.error(method, params) == code


def test_other_versions_and_other_people_are_refused(client: Client, person: Callable[..., Person]) -> None:
    old = client.rest("GET", "/tasks", None, **{"A2A-Version": "0.3"})
    assert (old.status_code, old.json["error"]["details"][0]["reason"]) == (400, "VERSION_NOT_SUPPORTED")
    other = Client(client.instance, person().token)
    assert [other.rest("GET", "/tasks").status_code, other.rpc("ListTasks", {}).status_code] == [404, 404]
    assert Client(client.instance, "nonsense").rpc("ListTasks", {}).status_code == 401
