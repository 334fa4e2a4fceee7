"""`GET /v1/runs/{id}/stream`: the events of a run over HTTP, as they come, as Server-Sent Events.

A stream is never tied to its run: whoever leaves stops nothing, and goes on by `Last-Event-ID`, here or elsewhere.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from functions.domain.api_errors import ApiError, FieldError, Invalid, TooMany, Unavailable
from functions.domain.runs.reading import RunNotFound
from functions.runtime import event_stream, problems
from functions.runtime.event_stream import HEARTBEAT, HEARTBEAT_SECONDS, RETRY, Frame
from functions.runtime.http.adapter import client_left
from functions.runtime.providers import callers
from functions.runtime.providers.streaming import NUMBER, LastEventIdMalformed
from functions.services.realtime.admission import admit
from functions.services.realtime.run_events import Ending, RunEvent, RunReader

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

    from functions.services.realtime.credentials import Credentials
    from functions.services.realtime.hub import Hub
    from functions.services.realtime.protocol import CloseError
    from functions.services.realtime.runs import Runs

PATH: Final = re.compile(r"/v1/runs/([^/]+)/stream")

BEGIN_SECONDS: Final = 10
"""How long it may take until it is known whether there is such a run."""

ROOM_EVENTS: Final = 64
ROOM_BYTES: Final = 128 * 1024
"""What waits for a reader when no more is taken: what follows is read again when this has been sent."""

PER_ACCOUNT: Final = 1000
"""Streams that an account may have open at one gateway."""

_AFTER: Final = FieldError("?after", "int_parsing", "This is the number of an event, given once.")


class RunsUnknown(Unavailable):
    """Runs can't be read just now: try again shortly."""


class GatewayFull(Unavailable):
    """Too many connections are open: try again shortly."""


class TooManyStreams(TooMany):
    """This account has a thousand streams open already: close some."""


class RunStream:
    """One reader's request."""

    def __init__(self, scope: "HTTPScope", receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
        """Answer it with `serve`."""
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        """Those of the request, by their names in small letters."""
        self.account_id = ""
        self.credential_id = ""
        self.signed_by: str | None = None
        self.status = HTTPStatus.OK
        """What it was answered with."""
        self.sent = 0
        """Events that were sent."""
        self._method = scope["method"]
        self._path = scope["path"]
        self._query = scope["query_string"]
        self._receive = receive
        self._send = send
        self._frames: list[bytes] = []
        self._bytes = 0
        self._begun: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()
        """Done when it is known whether there is such a run: with None if events follow."""
        self._closing = False
        self._news = asyncio.Event()

    async def serve(self, hub: "Hub", credentials: "Credentials", runs: "Runs", *, full: bool) -> None:
        """Answer, for as long as the run goes on, the reader may see it and is there; refuse if it is `full`."""
        try:
            if full:
                raise GatewayFull
            run_id, after = self._asked()
            admitted = await admit(callers.bearer(self.headers.get("authorization")), credentials)
            self.account_id, self.credential_id = admitted.caller.id, admitted.credential_id
            self.signed_by = admitted.signed_by
            reader = RunReader(run_id, self.account_id, after, self)
            with hub.streaming(self, PER_ACCOUNT) as room:
                if not room:
                    raise TooManyStreams
                runs.join(reader)
                expiry = asyncio.get_running_loop().call_later(admitted.seconds_left, self.close)
                try:
                    await self._answer(reader, runs)
                finally:
                    expiry.cancel()
                    runs.leave(reader)
        except ApiError as api_error:
            await self._refuse(api_error)

    def _asked(self) -> tuple[str, int]:
        """Return the run and the number after which to begin. Raises RunNotFound, Invalid, LastEventIdMalformed."""
        found = PATH.fullmatch(self._path)
        if found is None:
            raise RunNotFound
        query = parse_qsl(self._query.decode("latin-1"), keep_blank_values=True)
        named, after = {name for name, _ in query}, dict(query).get("after", "0")
        unknown = [
            FieldError(f"?{name}", "extra_forbidden", "There is no such parameter.") for name in named - {"after"}
        ]
        if unknown or len(query) > 1 or not NUMBER.fullmatch(after):
            raise Invalid(errors=unknown or [_AFTER])
        # EventSource repeats the address that it began with, and adds the header.
        last = self.headers.get("last-event-id", after)
        if not NUMBER.fullmatch(last):
            raise LastEventIdMalformed
        return found[1], int(last)

    async def _answer(self, reader: RunReader, runs: "Runs") -> None:
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                ending = await self._begun
        except TimeoutError:
            raise RunsUnknown from None
        if ending is Ending.NOT_FOUND:
            raise RunNotFound
        if ending is Ending.ENDED:
            # EventSource doesn't come again after this.
            await self._respond(HTTPStatus.NO_CONTENT, event_stream.HEADERS)
            return
        headers = {**event_stream.HEADERS, "Content-Type": event_stream.CONTENT_TYPE}
        if self._method == "HEAD":
            await self._respond(HTTPStatus.OK, headers)
            return
        await self._start(HTTPStatus.OK, headers)
        await self._more(RETRY)
        gone = asyncio.create_task(self._until_gone())
        try:
            await self._stream(reader, runs)
        finally:
            gone.cancel()

    async def _stream(self, reader: RunReader, runs: "Runs") -> None:
        while not self._closing or self._frames:
            if self._frames:
                frames, full = b"".join(self._frames), not self.has_room()
                self.sent += len(self._frames)
                self._frames.clear()
                self._bytes = 0
                await self._more(frames)
                if full:
                    runs.want(reader.run_id)
                continue
            self._news.clear()
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                await self._more(HEARTBEAT)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_gone(self) -> None:
        """Close when the reader has left."""
        await client_left(self._receive)
        self._frames.clear()
        self.close()

    def has_room(self) -> bool:
        """Return whether another event is taken at present."""
        return len(self._frames) < ROOM_EVENTS and self._bytes < ROOM_BYTES

    def begin(self) -> None:
        """Know that the run is there, and that events follow."""
        self._begun.set_result(None)

    def bring(self, event: RunEvent) -> None:
        """Send an event as soon as its turn comes."""
        frame = Frame(event.data, id=event.sequence, event=event.type).encoded()
        self._frames.append(frame)
        self._bytes += len(frame)
        self._news.set()

    def finish(self, ending: Ending) -> None:
        """End the stream after what waits."""
        if not self._begun.done():
            self._begun.set_result(ending)
        self.close()

    def close(self) -> None:
        """End the stream, though its run may go on: whoever comes again is told why, or goes on."""
        self._closing = True
        self._news.set()

    def end(self, _close_error: "CloseError") -> None:
        """End the stream at once: its session or API key has ended, or the key that signed its token was removed."""
        self._frames.clear()
        self.close()

    async def _refuse(self, api_error: ApiError) -> None:
        status = problems.status_of(type(api_error))
        body = json.dumps(problems.problem(status, api_error.code, api_error.detail, api_error.errors)).encode()
        headers = {"Cache-Control": "no-store", **api_error.headers, "Content-Type": problems.CONTENT_TYPE}
        await self._respond(HTTPStatus(status), headers, body)

    async def _respond(self, status: HTTPStatus, headers: Mapping[str, str], body: bytes = b"") -> None:
        length = {} if status is HTTPStatus.NO_CONTENT else {"Content-Length": str(len(body))}
        await self._start(status, {**headers, **length})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _start(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.status = status
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _more(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
