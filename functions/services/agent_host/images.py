"""Agents that are images: a message is passed on to where the version answers, with the instance's config in it."""

import asyncio
import json
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from pydantic import JsonValue

from core import context as call_context
from functions.domain.instances import contexts
from functions.domain.instances.contexts import Context
from functions.services.agent_host.exchange import Exchange, NoAnswerError, Request, TooLongError
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.replies import PIECE_BYTES, Say, pass_on, raised

_NOT_THERE: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
"""What platforms answer in the place of a function that is gone, or ended."""

_UNREACHED: Final = b"Can't reach service for"
"""How OpenFaaS says the same, as a 500."""


async def ask(context: Context, say: Say) -> None:
    """Pass on what the agent answers to the context's message. Raises Failure."""
    try:
        async with asyncio.timeout(context.seconds):
            await _ask(context, say)
    except TimeoutError:
        raise Failure("agent_timed_out") from None
    except (OSError, NoAnswerError):
        raise _absent() from None


async def _ask(context: Context, say: Say) -> None:
    if context.url is None:
        raise _absent()
    exchange = await Exchange.to(context.url)
    try:
        head = await exchange.begin(_request(context, context.url))
        if head.status in _NOT_THERE:
            raise _absent()
        if head.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _absent() if _UNREACHED in await exchange.whole(PIECE_BYTES) else raised(())
        await pass_on(head, exchange, say)
    except TooLongError:
        raise raised(()) from None
    finally:
        # Whoever still answers is told so by that.
        await exchange.close()


def _request(context: Context, url: str) -> Request:
    asked: dict[str, JsonValue] = {} if context.message is None else context.message.asked()
    place = urlsplit(url)
    headers = [
        ("content-type", "application/json"),
        ("accept", f"{contexts.ACCEPT}, application/json"),
        ("traceparent", call_context.current().traceparent),
    ]
    # One function answers for all instances, so that it is told of which and with what config.
    body = json.dumps({"instance": {"id": context.instance_id}, **asked, "config": context.config})
    return Request(path=f"{place.path.rstrip('/')}/", body=body.encode(), headers=headers, host=place.netloc)


def _absent() -> Failure:
    # Whoever starts the instance looks after the version's deployment.
    return Failure("agent_unavailable", started=False)
