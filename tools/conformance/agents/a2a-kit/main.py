"""a2a-kit: does what the prefix of a message's id says, as A2A's kit expects of an agent that it tries."""

import time
from collections.abc import Iterator
from typing import Final

import flask

Event = dict[str, object]

FILE: Final = {"filename": "output.txt", "mediaType": "text/plain"}

ARTIFACTS: Final[dict[str, Event]] = {
    "tck-artifact-text": {"text": "Generated text content"},
    "tck-artifact-file-url": {"url": "https://example.com/output.txt", **FILE},
    "tck-artifact-file": {"raw": "dGNr", **FILE},
    "tck-artifact-data": {"data": {"key": "value", "count": 42}},
    "tck-stream-001": {"text": "Stream hello from TCK"},
    "tck-stream-003": {"text": "Stream task lifecycle"},
    "tck-stream-ordering-001": {"text": "Ordered output"},
    "tck-stream-artifact-text": {"text": "Streamed text content"},
    "tck-stream-artifact-file": {"raw": "dGNr", **FILE},
}
"""The part of the artifact by the prefix; one that begins with another comes first."""

CHUNKS: Final = ("chunk-1 ", "chunk-2")

AGAIN: Final = "TCK history message"
"""How an answer begins after which there is another question."""


def agent(request: flask.Request) -> Iterator[Event]:
    """Yield events as an answer, or as the prefix says."""
    asked = request.get_json()
    if "answer" in asked:
        yield question() if str(asked["answer"]["value"]).startswith(AGAIN) else end("Hello from TCK")
    else:
        yield from answer(str(asked["protocol_id"]))


def answer(message_id: str) -> Iterator[Event]:
    """Yield what the message's id asks for."""
    part = next((part for prefix, part in ARTIFACTS.items() if message_id.startswith(prefix)), None)
    if part is not None:
        yield artifact([part])
    elif message_id.startswith("tck-input-required"):
        yield question()
    elif message_id.startswith("tck-reject-task"):
        yield end("rejected", "REJECTED")
    elif message_id.startswith("tck-message-response"):
        yield {"type": "data", "name": "a2a.message", "data": {"parts": [{"text": "Direct message response"}]}}
    elif message_id.startswith("tck-stream-artifact-chunked"):
        for number, chunk in enumerate(CHUNKS):
            last = number == len(CHUNKS) - 1
            yield artifact([{"text": chunk}], artifactId="chunked", append=number > 0, lastChunk=last)
    elif not message_id.startswith("tck-stream-002"):
        time.sleep(seconds(message_id))
        yield end("Hello from TCK")


def seconds(message_id: str) -> float:
    """Return how long it works before it ends."""
    if message_id.startswith("tck-delayed-complete"):
        return 2
    return 4 if message_id.startswith("test-resubscribe-message-id") else 0


def question() -> Event:
    """Return the event that asks for something."""
    return {"type": "input", "text": "What else?", "schema": {"type": "string"}}


def artifact(parts: list[Event], **more: object) -> Event:
    """Return the event that says an artifact, or a piece of one."""
    return {"type": "data", "name": "a2a.artifact", "data": {"parts": parts, **more}}


def end(text: str, state: str = "COMPLETED") -> Event:
    """Return the event that says how the task ends."""
    return {"type": "data", "name": "a2a.status", "data": {"state": f"TASK_STATE_{state}", "parts": [{"text": text}]}}
