"""AG-UI, as a client sees it: runs, an interrupt and its answer, tools, and a stream that was cut."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pytest

from testing.launches import Launched
from testing.responses import Response
from tools.documents import Document
from tools.local.servers.managed_process import ManagedProcess

TALKS: Final = """
def agent(request):
    asked = request.get_json()
    if "answer" in asked:
        yield f"So {asked['answer']['value']}."
    elif asked["text"] == "ask":
        tool = [{"id": "1", "name": each["name"], "arguments": {}} for each in asked.get("tools", [])]
        more = {"tool": tool[0]} if tool else {}
        yield {"type": "input", "text": "Which?", "schema": {"type": "string"}, **more}
    else:
        for said in asked["conversation"].get("messages", []):
            yield f"{said['text']} "
        yield asked["text"]
"""

Start = Callable[..., ManagedProcess]


@dataclass
class Talk:
    """Somebody who talks to an instance by AG-UI."""

    instance: Launched

    def send(self, run: str, thread: str, said: list[Document], *, cut: int | None = None, **more: Any) -> Response:
        body = {"threadId": thread, "runId": run, "messages": said, "protocolVersion": "1.0", **more}
        headers = {} if cut is None else {"Last-Event-ID": str(cut)}
        address = f"{self.instance.path}/ag-ui"
        return self.instance.api.user.post(address, json=body, token=self.instance.owner.token, headers=headers)

    def run(self, run: str, thread: str, said: list[Document], **more: Any) -> list[tuple[int | None, Document]]:
        """Return events, each with the id that it has."""
        answer = self.send(run, thread, said, **more)
        assert answer.headers["Content-Type"] == "text/event-stream", answer.text
        found: list[tuple[int | None, Document]] = []
        for block in answer.text.split("\n\n"):
            lines = dict(line.partition(": ")[::2] for line in block.splitlines())
            if "data" in lines:
                found.append((int(lines["id"]) if "id" in lines else None, json.loads(lines["data"])))
        return found


def user(text: str) -> Document:
    return {"id": text, "role": "user", "content": text}


def pieces(events: list[tuple[int | None, Document]]) -> list[str]:
    return [each["delta"] for _, each in events if each["type"] == "TEXT_MESSAGE_CONTENT"]


def last(events: list[tuple[int | None, Document]]) -> Document:
    return events[-1][1]


@pytest.fixture
def talk(launch: Callable[..., Launched], runner: Start) -> Talk:
    instance = launch(TALKS)
    instance.put(status="'running'", observed_generation="generation", deadline_at="null")
    runner()
    return Talk(instance)


def test_a_thread_is_a_conversation_and_a_cut_stream_is_read_on(talk: Talk) -> None:
    before = [user("one"), {"id": "2", "role": "assistant", "content": "two"}]
    whole = talk.run("r1", "t1", [*before, user("three")])
    assert "".join(pieces(whole)) == "one two three"
    assert (whole[0][1]["type"], last(whole)["outcome"]) == ("RUN_STARTED", {"type": "success"})
    # Asked once more it is the same run.
    assert talk.run("r1", "t1", [*before, user("three")]) == whole
    for index, (cut, _) in enumerate(whole):
        if cut is not None:
            rest = talk.run("r1", "t1", [user("three")], cut=cut)
            assert pieces(whole[: index + 1]) + pieces(rest) == pieces(whole)
            assert (rest[0][1]["type"], last(rest)) == ("RUN_STARTED", last(whole))
    # What the client tells of the thread later doesn't count: it is known.
    assert "".join(pieces(talk.run("r2", "t1", [user("x"), user("four")]))) == "one two three one two three four"
    other = talk.send("r1", "t1", [user("other")])
    assert (other.status_code, other.code) == (422, "idempotency_key_reused")


def test_an_interrupt_is_resumed_and_a_tool_is_called(talk: Talk) -> None:
    asked = talk.run("r1", "t1", [user("ask")])
    [interrupt] = last(asked)["outcome"]["interrupts"]
    assert (interrupt["message"], interrupt["responseSchema"]) == ("Which?", {"type": "string"})
    read = partial(talk.instance.api.user.get, token=talk.instance.owner.token)
    [waiting] = read(f"{talk.instance.path}/runs").json["items"]
    assert interrupt["expiresAt"] == read(f"/v1/runs/{waiting['id']}").json["deadline_at"]
    assert talk.send("r2", "t1", [user("hm")]).code == "thread_waits"
    resume = [{"interruptId": interrupt["id"], "status": "resolved", "payload": "blue"}]
    wrong = [{**resume[0], "payload": 5}]
    assert talk.send("r2", "t1", [user("ask")], resume=wrong).code == "answer_invalid"
    answered = talk.run("r2", "t1", [user("ask")], resume=resume)
    assert ("".join(pieces(answered)), last(answered)["runId"]) == ("So blue.", "r2")
    assert talk.run("r2", "t1", [user("ask")], resume=resume) == answered
    assert talk.send("r3", "t1", [user("ask")], resume=resume).code == "interrupt_not_open"

    tools = [{"name": "get_colour", "description": "", "parameters": {}}]
    called = talk.run("r4", "t2", [user("ask")], tools=tools)
    [call] = [each["toolCallId"] for _, each in called if each["type"] == "TOOL_CALL_START"]
    result = {"id": "9", "role": "tool", "toolCallId": call, "content": "red"}
    assert "".join(pieces(talk.run("r5", "t2", [user("ask"), result]))) == "So red."

    [interrupt] = last(talk.run("r6", "t3", [user("ask")]))["outcome"]["interrupts"]
    cancelled = [{"interruptId": interrupt["id"], "status": "cancelled"}]
    for _ in range(2):
        assert last(talk.run("r7", "t3", [user("ask")], resume=cancelled))["outcome"] == {"type": "cancelled"}
