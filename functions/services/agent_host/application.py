"""The host as an ASGI application, which answers by lines of JSON.

`POST /<kind>/<instance>` has a sealed context, and `POST /end` in the same way the instances to end.
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from core import context as call_context
from functions.domain.encryption import NotSealedError
from functions.domain.instances.contexts import Context, Ends, Kind, OfInstance, unseal
from functions.runtime import metrics
from functions.runtime.http.adapter import client_left, http_alone, whole_body
from functions.services.agent_host.calls import Calls, Line
from functions.services.agent_host.exposition import Exposition
from functions.services.agent_host.failures import Failure
from functions.services.agent_host.fences import Fences, StaleError
from functions.services.agent_host.replies import Say

log = logging.getLogger(__name__)

HEARTBEAT: Final = 0.25
"""Seconds after which a call that goes on says so, so that whoever waits can keep its lease, or leave."""

MAX_BODY: Final = 2 * 1024 * 1024

_PATH: Final = re.compile(rf"/({'|'.join(set(Kind) - {Kind.END})})/(ins_[0-9a-f]{{32}})|/({Kind.END})")

Work = Callable[[Say], Coroutine[None, None, Line]]
"""Does what a call asks for, passes on what it says, and returns the last line of the answer."""

_PROBES: Final = ("/_/health", "/_/ready")


class Application:
    """The ASGI application."""

    def __init__(self, calls: Calls, exposition: Exposition) -> None:
        """Answer `calls`."""
        self._calls = calls
        self._exposition = exposition
        self._fences = Fences()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer a request."""
        scope = http_alone(scope)
        if scope["path"] in _PROBES:
            await _send(send, HTTPStatus.OK, b"ok")
        elif scope["path"] == metrics.PATH:
            await _send(send, HTTPStatus.OK, self._exposition.text().encode(), metrics.CONTENT_TYPE)
        else:
            headers = dict(scope["headers"])
            with call_context.entered(call_context.Context.start(headers.get(b"traceparent", b"").decode("latin-1"))):
                await self._answer(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        path = _PATH.fullmatch(scope["path"])
        if path is None or scope["method"] != "POST":
            await _send(send, HTTPStatus.NOT_FOUND, b'{"code": "not_found"}')
            return
        kind = Kind(path[1] or path[3])
        body = await whole_body(receive, MAX_BODY)
        try:
            work = self._work(kind, path[2] or "", body or b"")
        except NotSealedError:
            log.warning("a call that nobody sealed who may call", extra={"kind": kind})
            await _send(send, HTTPStatus.UNAUTHORIZED, b'{"code": "not_sealed"}')
        except StaleError:
            await _send(send, HTTPStatus.CONFLICT, b'{"code": "stale"}')
        else:
            await self._stream(work, receive, send)

    def _work(self, kind: Kind, subject: str, sealed: bytes) -> Work:
        """Return what is to be done for a call. Raises NotSealedError, StaleError."""
        if kind == Kind.END:
            ends = unseal(Ends, kind, subject, sealed)
            stale = self._fences.end(ends.row_versions)
            return lambda _: self._calls.end(ends.row_versions.keys() - stale, stale)
        if kind == Kind.STATUS:
            asked = unseal(OfInstance, kind, subject, sealed)
            return lambda _: self._calls.status(asked.instance_id)
        context = unseal(Context, kind, subject, sealed)
        self._fences.pass_(kind, context)
        return partial(self._calls.answer, kind, context)

    async def _stream(self, work: Work, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        headers = [(b"content-type", b"application/x-ndjson")]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        leaving = asyncio.create_task(client_left(receive))

        said = False

        async def write(lines: bytes, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": lines, "more_body": more})

        async def say(events: Sequence[bytes]) -> None:
            nonlocal said
            said = True
            await write(b"".join(b'{"event":%b}\n' % event for event in events))

        answer = asyncio.create_task(work(say))
        try:
            while not (answer.done() or leaving.done()):
                said = False
                await asyncio.wait({answer, leaving}, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
                if not (said or answer.done()):
                    await write(_WORKING)
            if answer.done():
                await write(_last(answer), more=False)
        finally:
            leaving.cancel()
            answer.cancel()
            await asyncio.wait({answer})


_WORKING: Final = b'{"working":{}}\n'


def _last(answer: asyncio.Task[Line]) -> bytes:
    error = answer.exception()
    if error is not None:
        log.error("a call failed because of a bug", exc_info=error)
    last = answer.result() if error is None else {"failed": Failure("agent_unavailable").told()}
    return json.dumps(last, ensure_ascii=False).encode() + b"\n"


async def _send(
    send: ASGISendCallable, status: HTTPStatus, body: bytes, content_type: str = "application/json"
) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
