"""Agents that are images: a message is passed on to where the version answers, with the instance's config in it."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final

from core import context as call_context
from core import http_client
from functions.domain.instances.contexts import Context
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.replies import MAX_BYTES, reply

AT_A_TIME: Final = 64

_NOT_THERE: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
"""What platforms answer in the place of a function that is gone, or ended."""

_UNREACHED: Final = b"Can't reach service for"
"""How OpenFaaS says the same, as a 500."""


class Images:
    """Calls of versions that are images; each has a thread while it waits."""

    def __init__(self) -> None:
        """Make no thread yet."""
        self._threads = ThreadPoolExecutor(AT_A_TIME, "image")

    async def ask(self, context: Context) -> str:
        """Return what the agent answers to the context's message. Raises Failure."""
        if context.url is None:
            raise _absent()
        message = context.message
        asked = {} if message is None else message.model_dump(mode="json")
        body = json.dumps({**asked, "instance": context.instance_id, "config": context.config}).encode()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "traceparent": call_context.current().traceparent,
        }
        loop = asyncio.get_running_loop()
        try:
            status, answer = await loop.run_in_executor(
                self._threads, _post, context.url, context.seconds, body, headers
            )
        except TimeoutError:
            raise Failure("agent_timed_out") from None
        except OSError:
            raise _absent() from None
        if status in _NOT_THERE or _UNREACHED in answer:
            raise _absent()
        return reply(status, answer, ())


def _post(url: str, seconds: float, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    with http_client.exchange("POST", f"{url}/", seconds=seconds, body=body, headers=headers) as response:
        return response.status, response.read(MAX_BYTES)


def _absent() -> Failure:
    # Whoever starts the instance looks after the version's deployment.
    return Failure("agent_unavailable", started=False)
