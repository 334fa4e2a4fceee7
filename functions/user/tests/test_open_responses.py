"""Open Responses, as a client sees it: from the first message to what is forgotten."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import pytest

from testing.launches import Launched
from testing.people import Person
from testing.responses import Response
from tools.documents import Document
from tools.local.servers.managed_process import ManagedProcess
from tools.local.wait import until

Start = Callable[..., ManagedProcess]

TALKS: Final = """
import time

def agent(request):
    asked = request.get_json()
    if "answer" in asked:
        yield f"So {asked['answer']['value']}."
    elif asked["text"] == "wait":
        yield "begun"
        time.sleep(60)
    elif asked["text"] == "ask":
        tool = [{"id": "1", "name": each["name"], "arguments": {}} for each in asked.get("tools", [])]
        more = {"tool": tool[0]} if tool else {}
        yield {"type": "input", "text": "Which?", "schema": {"type": "string"}, **more}
    else:
        for said in asked["conversation"].get("messages", []):
            yield f"{said['text']} "
        yield asked["text"]
        yield {"type": "usage", "input_tokens": 1, "output_tokens": 2}
"""


@dataclass
class Talk:
    """Somebody who talks to an instance by Open Responses."""

    instance: Launched

    def send(self, method: str, path: str = "", body: object = None, *, key: str | None = None) -> Response:
        address = f"{self.instance.path}/v1/responses{path}"
        headers = {} if key is None else {"Idempotency-Key": key}
        token = self.instance.owner.token
        return self.instance.api.user.request(method, address, json=body, token=token, headers=headers)

    def create(self, said: object, **more: Any) -> Document:
        answer = self.send("POST", body={"model": "any", "input": said, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def events(self, answer: Response) -> list[Document]:
        assert answer.headers["Content-Type"] == "text/event-stream", answer.text
        blocks = [block for block in answer.text.split("\n\n") if "data: " in block]
        assert blocks[-1] == "data: [DONE]"
        return [json.loads(block.partition("data: ")[2]) for block in blocks[:-1]]

    def refused(self, said: object, **more: Any) -> tuple[int, str, str | None]:
        answer = self.send("POST", body={"input": said, **more})
        error = answer.json["error"]
        return answer.status_code, error["code"], error["param"]


def text_of(response: Document) -> str:
    messages = [item for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for item in messages for part in item["content"])


def output(call: Document, text: str) -> Document:
    return {"type": "function_call_output", "call_id": call["call_id"], "output": text}


@pytest.fixture
def talk(launch: Callable[..., Launched]) -> Talk:
    instance = launch(TALKS)
    instance.put(status="'running'", observed_generation="generation", deadline_at="null")
    return Talk(instance)


def test_a_conversation_goes_on_is_read_again_and_is_forgotten(
    talk: Talk, runner: Start, person: Callable[..., Person]
) -> None:
    runner()
    first = talk.create("one")
    assert (first["status"], text_of(first), first["usage"]["total_tokens"]) == ("completed", "one", 3)
    second = talk.create("two", previous_response_id=first["id"])
    assert text_of(second) == "one one two"
    # Another way from the first on: it knows nothing of the second.
    other = talk.create("three", previous_response_id=first["id"])
    assert text_of(other) == "one one three"
    given = talk.create(
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"content": "c", "role": "user"}]
    )
    assert text_of(given) == "a b c"

    streamed = talk.events(talk.send("POST", body={"input": "one", "stream": True}))
    assert [each["sequence_number"] for each in streamed] == list(range(len(streamed)))
    again = streamed[-1]["response"]
    address = f"/{again['id']}"
    assert talk.send("GET", address).json == again
    for cut in range(-1, len(streamed)):
        rest = talk.events(talk.send("GET", f"{address}?stream=true&starting_after={cut}"))
        assert rest == streamed[cut + 1 :]
    items = talk.send("GET", f"{address}/input_items").json
    assert [item["content"][0]["text"] for item in items["data"]] == ["one"]

    stranger = person().token
    assert talk.instance.api.user.get(f"{talk.instance.path}/v1/responses{address}", token=stranger).status_code == 404
    assert talk.send("DELETE", address).json["deleted"]
    assert talk.send("GET", address).status_code == 404
    assert talk.refused("more", previous_response_id=again["id"])[:2] == (400, "previous_response_not_found")


def test_functions_of_the_client_are_called_and_people_are_asked(talk: Talk, runner: Start) -> None:
    runner()
    tool = {"type": "function", "name": "get_colour", "parameters": {"type": "object"}}
    called = talk.create("ask", tools=[tool])
    [call] = called["output"]
    assert (call["type"], call["name"], called["status"]) == ("function_call", "get_colour", "completed")
    waits = (400, "previous_response_waits", None)
    assert talk.refused("hm", previous_response_id=called["id"]) == waits
    answered = talk.create([output(call, "blue")], previous_response_id=called["id"])
    assert (text_of(answered), answered["previous_response_id"]) == ("So blue.", called["id"])
    # A client that didn't get the answer asks again, and one that sends all items back needs no id.
    assert talk.create([output(call, "blue")], previous_response_id=called["id"])["id"] == answered["id"]
    assert talk.refused([output(call, "red")], previous_response_id=called["id"])[1] == "nothing_called"
    [asked] = talk.create("ask")["output"]
    assert (asked["name"], json.loads(asked["arguments"])["question"]) == ("ask_user", "Which?")
    assert text_of(talk.create([{"role": "user", "content": "ask"}, asked, output(asked, "red")])) == "So red."


def test_one_in_the_background_is_there_at_once_and_is_cancelled(talk: Talk, runner: Start) -> None:
    runner()
    response = talk.create("wait", background=True)
    assert (response["status"], response["background"]) == ("queued", True)
    address = f"/{response['id']}"
    until(lambda: text_of(talk.send("GET", address).json) or talk.send("GET", address).json["output"], seconds=30)
    assert talk.send("DELETE", address).json["error"]["code"] == "response_under_way"
    assert talk.send("POST", f"{address}/cancel").json["status"] == "cancelled"
    assert talk.send("POST", f"{address}/cancel").json["status"] == "cancelled"
    events = talk.events(talk.send("GET", f"{address}?stream=true"))
    assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.incomplete")


def test_what_is_wrong_is_said_as_clients_of_openai_read_it(talk: Talk) -> None:
    assert talk.refused([{"role": "user", "content": [{"type": "what"}]}]) == (400, "invalid", "input[0].content[0]")
    assert talk.refused("é" * 40_000) == (400, "invalid", "input")
    assert talk.refused("hi", previous_response_id="resp_1")[:2] == (400, "previous_response_not_found")
    missing = talk.send("POST", body={"model": "any"}).json["error"]
    assert (missing["code"], missing["param"], missing["type"]) == (
        "missing_required_parameter",
        "input",
        "invalid_request_error",
    )
    [model] = talk.instance.api.user.get(f"{talk.instance.path}/v1/models", token=talk.instance.owner.token).json[
        "data"
    ]
    assert model["object"] == "model"


def test_the_same_key_is_answered_by_the_same_response_whatever_has_happened_since(talk: Talk, runner: Start) -> None:
    runner()

    def create(key: str, body: Document) -> Document:
        answer = talk.send("POST", body=body, key=key)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    asked = {"input": "ask"}
    first = create("1", asked)
    answered = {"input": "blue", "previous_response_id": first["id"]}
    second = create("2", answered)
    more = {"input": "more", "previous_response_id": second["id"]}
    third = create("3", more)
    # By now each of them would be something else: a new run, a new conversation.
    again = [create(key, body) for key, body in (("1", asked), ("2", answered), ("3", more))]
    assert again == [first, second, third]
    other = talk.send("POST", body={**more, "input": "else"}, key="3")
    assert (other.status_code, other.json["error"]["problem"]) == (400, "idempotency_key_reused")
    malformed = talk.send("POST", body=asked, key="a key")
    assert malformed.json["error"]["problem"] == "idempotency_key_malformed"
    assert talk.send("DELETE", f"/{third['id']}").json["deleted"]
    assert talk.send("POST", body=more, key="3").json["error"]["problem"] == "response_not_found"


def test_a_key_that_is_used_many_times_at_once_begins_one_run(talk: Talk, runner: Start) -> None:
    runner()

    def stream(_: int) -> Response:
        return talk.send("POST", body={"input": "one", "stream": True}, key="many")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(stream, range(8)))
    refused = [each for each in answers if each.status_code != 200]
    assert {each.json["error"]["problem"] for each in refused} <= {"idempotency_key_in_flight"}
    assert not any("x-should-retry" in each.headers for each in refused), "a client's library tries again"
    told = [talk.events(each) for each in answers if each not in refused]
    assert told
    assert all(each == told[0] for each in told)
    assert talk.events(stream(0)) == told[0]
