"""Readers by protocols of others: each works out the agent's text as a client of that protocol does."""

import json
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import ClassVar, Final

from typing_extensions import override

from core import http_client
from functions.domain.a2a import cards
from functions.domain.a2a.tasks import STATES, TOLD
from functions.domain.mcp import calls
from functions.domain.mcp.calls import TASKS
from functions.domain.open_responses.names import Named
from functions.domain.runs.reasons import Reason
from shared_psql_models.runs import ENDED, RunStatus
from tools.chaos.runs.readers import Reader, Seen
from tools.documents import Document
from tools.harness.event_stream import frames

_POLL: Final = (0.1, 0.4)
"""Seconds from one look at a task of MCP to the next."""

_ENDED: Final = frozenset(STATES[each] for each in ENDED)
"""The states of A2A's tasks in which nothing happens any more."""

_RESPONSES_END: Final = frozenset({"response.completed", "response.failed", "response.incomplete"})

_RUN_ENDS: Final = frozenset({"RUN_FINISHED", "RUN_ERROR"})


class ProtocolReader(Reader):
    """One who reads by a protocol that has words of its own for what happens in a run."""

    counts_by_itself: ClassVar[bool] = False
    """Whether the protocol's numbers are others than those of the run's events."""

    @abstractmethod
    def text(self) -> str | None:
        """Return the agent's text by all that was seen; None where the protocol hasn't told it."""

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with what was seen."""
        yield from ()

    def _streamed(
        self, method: str, path: str, seconds: float, headers: Mapping[str, str], body: object = None
    ) -> Iterator[dict[str, str]]:
        """Yield the frames of a stream that is cut off after so many seconds."""
        sent = {**self.owner.authorization(), "Accept": "text/event-stream", **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.address}/v1/instances/{self.asked.instance_id}/{path}"
        with http_client.exchange(method, url, seconds=seconds, body=data, headers=sent) as response:
            if response.status != HTTPStatus.OK:
                raise self.unserved(response.status)
            for frame in frames(response.read1):
                if "data" in frame:
                    yield frame


class A2A(ProtocolReader):
    """Subscribes to the task, and goes on behind the last event that it was told."""

    name = "a2a"

    @override
    def connect(self, seconds: float) -> Iterator[Seen]:
        """Yield the task as it was, and what follows."""
        headers = {"A2A-Version": cards.VERSION, "A2A-Extensions": cards.RESUMING, "Last-Event-ID": str(self.last)}
        path = f"a2a/rest/tasks/{self.run_id}:subscribe"
        for frame in self._streamed("GET", path, seconds, headers):
            [(kind, said)] = json.loads(frame["data"]).items()
            yield Seen(int(frame["id"]), kind, said)

    @override
    def _is_over(self) -> bool:
        status = self.seen[-1].data.get("status") if self.seen else None
        return status is not None and status["state"] in _ENDED

    @override
    def text(self) -> str | None:
        """Return the text of the last artifact that is a reply; None where an attempt was void and nothing followed."""
        text: str | None = ""
        for each in self.seen:
            if each.type == "task":
                replies = [one for one in each.data.get("artifacts", []) if _is_reply(one)]
                text = _parts(replies[-1]) if replies else ""
            elif each.type == "artifactUpdate" and _is_reply(each.data["artifact"]):
                said = _parts(each.data["artifact"])
                text = f"{text or ''}{said}" if each.data["append"] else said
            elif each.type == "statusUpdate" and text and _was_void(each.data):
                # What stays isn't told before something follows, or the task is shown anew.
                text = None
        return text


def _was_void(update: Document) -> bool:
    """Return whether a task waits to be tried again."""
    state, reason = str(update["status"]["state"]), str(update["metadata"][TOLD]["reason"])
    return state == STATES[RunStatus.QUEUED] and reason != Reason.ANSWERED


def _is_reply(artifact: Document) -> bool:
    return ":reply" in str(artifact["artifactId"])


def _parts(artifact: Document) -> str:
    return "".join(str(each["text"]) for each in artifact["parts"])


class OpenResponses(ProtocolReader):
    """Retrieves the response as a stream, after the last event that it was told."""

    name = "open-responses"
    counts_by_itself = True

    @property
    @override
    def last(self) -> int:
        """The number of the last event that was told: they begin at 0."""
        return self.seen[-1].sequence if self.seen else -1

    @override
    def connect(self, seconds: float) -> Iterator[Seen]:
        """Yield what follows."""
        after = f"&starting_after={self.last}" if self.seen else ""
        path = f"v1/responses/{Named(self.run_id).id}?stream=true{after}"
        for frame in self._streamed("GET", path, seconds, {}):
            if frame["data"] != "[DONE]":
                told = json.loads(frame["data"])
                yield Seen(told["sequence_number"], told["type"], told)

    @override
    def _is_over(self) -> bool:
        return bool(self.seen) and self.seen[-1].type in _RESPONSES_END

    @override
    def text(self) -> str:
        """Return the text of the messages that the last event has, which has the whole response."""
        messages = [each for each in self.seen[-1].data["response"]["output"] if each["type"] == "message"]
        return "".join(part["text"] for each in messages for part in each["content"])

    @override
    def faults(self) -> Iterator[str]:
        """Yield where numbers are missing or told twice, and messages that aren't what their pieces were."""
        numbers = [each.sequence for each in self.seen]
        if numbers != list(range(len(numbers))):
            yield f"{self.name} was told the numbers {numbers[:5]} … {numbers[-5:]}, {len(numbers)} in all"
        pieces: dict[str, str] = {}
        for each in self.seen:
            if each.type == "response.output_text.delta":
                item = each.data["item_id"]
                pieces[item] = pieces.get(item, "") + each.data["delta"]
            elif each.type == "response.output_text.done" and pieces.get(each.data["item_id"]) != each.data["text"]:
                yield f"{self.name} was told another text than its pieces are"


class Mcp(ProtocolReader):
    """Asks how the task is, again and again."""

    name = "mcp"
    counts_by_itself = True

    @override
    def connect(self, seconds: float) -> Iterator[Seen]:
        """Yield how it is."""
        prefix = TASKS.partition("/")[0]
        meta = {
            f"{prefix}/protocolVersion": calls.VERSION,
            f"{prefix}/clientCapabilities": {"extensions": {TASKS: {}}},
        }
        params = {"taskId": self.run_id, "_meta": meta}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": params}).encode()
        headers = {
            **self.owner.authorization(),
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": calls.VERSION,
            "Mcp-Method": "tasks/get",
            "Mcp-Name": self.run_id,
        }
        url = f"{self.address}/v1/instances/{self.asked.instance_id}/mcp"
        response = http_client.request("POST", url, seconds=seconds, body=body, headers=headers)
        if response.status != HTTPStatus.OK:
            raise self.unserved(response.status)
        task = json.loads(response.body)["result"]
        yield Seen(self.last + 1, task["status"], task)
        time.sleep(self._chance.uniform(*_POLL))

    @override
    def _is_over(self) -> bool:
        return bool(self.seen) and self.seen[-1].type in {"completed", "failed", "cancelled"}

    @override
    def text(self) -> str | None:
        """Return the text of the result; None where it is told why there is none."""
        result = self.seen[-1].data.get("result")
        if result is None or result["isError"]:
            return None
        data = [each for each in result["content"] if not each["text"].startswith("{")]
        return "".join(each["text"] for each in data)


class AgUi(ProtocolReader):
    """Sends the request by which the run was made again, and is told the rest."""

    name = "ag-ui"

    @override
    def connect(self, seconds: float) -> Iterator[Seen]:
        """Yield what each of the run's events is told as: what was cut off before the last of it comes again."""
        headers = {"Last-Event-ID": str(self.last)} if self.last else {}
        told: list[Document] = []
        for frame in self._streamed("POST", "ag-ui", seconds, headers, self.asked.by_ag_ui):
            told.append(json.loads(frame["data"]))
            if "id" in frame:
                yield Seen(int(frame["id"]), str(told[-1]["type"]), {"told": told})
                told = []

    @override
    def _is_over(self) -> bool:
        return bool(self.seen) and self.seen[-1].type in _RUN_ENDS

    @override
    def text(self) -> str:
        """Return the text of all messages but those that are void."""
        messages: dict[str, str] = {}
        for each in (told for seen in self.seen for told in seen.data["told"]):
            if each["type"] == "TEXT_MESSAGE_CONTENT":
                messages[each["messageId"]] = messages.get(each["messageId"], "") + each["delta"]
            elif each["type"] == "CUSTOM" and each["name"] == "tried_again":
                for void in each["value"]["voidMessageIds"]:
                    messages.pop(void, None)
        return "".join(messages.values())
