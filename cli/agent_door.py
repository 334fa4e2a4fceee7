"""Where a local agent takes messages by HTTP, as the platform's own endpoint does, and answers with its whole reply."""

import asyncio
import time
from collections.abc import Callable, Coroutine

import flask
from pydantic import JsonValue

from cli.local_agent import OnEvent, Told
from core.ids import new_id
from functions.domain.api_errors import ApiError
from functions.domain.instances.contexts import Message
from functions.domain.runs.agent_events import AgentEvent, Input, Text
from functions.runtime import agent_host_client, responses
from functions.runtime.agent_host_client import StartFailed
from functions.runtime.declarations import MAX_BODY
from functions.runtime.providers import body
from functions.user.send_message import NewMessage

Say = Callable[[Message, OnEvent], Coroutine[None, None, Told]]


def application(say: Say, loop: asyncio.AbstractEventLoop) -> flask.Flask:
    """Return the application, whose messages are answered by `say` on an event loop."""
    door = flask.Flask("agent")

    @door.post("/")
    def answer() -> dict[str, JsonValue]:
        asked = body.json_body(flask.request, body.bodies(NewMessage), MAX_BODY)
        assert isinstance(asked, NewMessage)  # noqa: S101 - tells the type checker what it was validated as
        message, begun = Message(id=new_id("msg"), text=asked.text), time.perf_counter()
        pieces: list[str] = []

        def hear(said: AgentEvent) -> None:
            if isinstance(said, Text | Input):
                pieces.append(said.text)

        told = asyncio.run_coroutine_threadsafe(say(message, hear), loop).result()
        if told.failed is not None:
            agent_host_client.fail(told.failed.model_dump())
        took = round((time.perf_counter() - begun) * 1000)
        return {"id": message.id, "text": "".join(pieces), "replied_in_ms": took}

    door.register_error_handler(ApiError, responses.error_response)
    door.register_error_handler(StartFailed, lambda failed: responses.error_response(failed.error))
    return door
