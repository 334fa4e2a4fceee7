"""Where a local agent takes messages by HTTP: as the platform's own endpoint does, with the same answers and errors."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import flask
from pydantic import JsonValue

from core.ids import new_id
from functions.domain.api_errors import ApiError
from functions.domain.instances.contexts import Message
from functions.runtime import agent_host_client, responses
from functions.runtime.agent_host_client import StartFailed
from functions.runtime.providers import body
from functions.user.send_message import NewMessage

MAX_BODY: Final = 64 * 1024

Say = Callable[[Message], Coroutine[None, None, dict[str, Any]]]
"""Gives what an agent host answers to a message: an object with one member, `answer` or `failed`."""


def application(say: Say, loop: asyncio.AbstractEventLoop) -> flask.Flask:
    """Return the application, whose messages are answered by `say` on an event loop."""
    door = flask.Flask("agent")

    @door.post("/")
    def answer() -> dict[str, JsonValue]:
        asked = body.json_body(flask.request, {NewMessage.media_type: NewMessage}, MAX_BODY)
        assert isinstance(asked, NewMessage)  # noqa: S101 - tells the type checker what it was validated as
        message, begun = Message(id=new_id("msg"), text=asked.text), time.perf_counter()
        told = asyncio.run_coroutine_threadsafe(say(message), loop).result()
        if "failed" in told:
            agent_host_client.fail(told["failed"])
        took = round((time.perf_counter() - begun) * 1000)
        return {"id": message.id, "text": told["answer"]["text"], "replied_in_ms": took}

    door.register_error_handler(ApiError, responses.error_response)
    door.register_error_handler(StartFailed, lambda failed: responses.error_response(failed.error))
    return door
