"""Open Responses: how its endpoints answer, refuse and stream, and the response as it is read."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import JsonValue
from typing_extensions import override

from functions.domain.api_errors import ApiError, NotFound
from functions.domain.databases import SharedDb
from functions.domain.open_responses import names
from functions.domain.open_responses.names import Named
from functions.domain.open_responses.resources import facts
from functions.domain.open_responses.translating import Translator
from functions.domain.runs import reading
from functions.domain.runs.reading import Of, RunNotFound
from functions.runtime import problems, run_stream
from functions.runtime.declarations import Answer, Resources
from functions.runtime.event_stream import Frame
from functions.runtime.idempotency import IdempotencyKeyInFlight
from functions.runtime.protocols import Protocol
from functions.runtime.providers.callers import User
from functions.runtime.providers.runs import RunTransactions
from functions.runtime.run_stream import PAUSED, SECONDS, RunStream
from functions.runtime.waiting import Waiting
from shared_psql_models.runs import Run, RunEvent

if TYPE_CHECKING:
    import flask

RESOURCES: Final = Resources(concurrency=32, timeout_seconds=580)

_OBJECT: Final = "object"
_TEXT: Final[dict[str, JsonValue]] = {"type": "string"}
_MAYBE_TEXT: Final[dict[str, JsonValue]] = {"type": ["string", "null"]}


class ResponseNotFound(NotFound):
    """There is no such response, or it isn't yours."""


class OpenResponses(Protocol):
    """Errors as clients of OpenAI read them."""

    schema: ClassVar[dict[str, JsonValue]] = {
        "type": _OBJECT,
        "required": ["error"],
        "properties": {
            "error": {
                "type": _OBJECT,
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": _TEXT,
                    "type": _TEXT,
                    "param": _MAYBE_TEXT,
                    "code": _MAYBE_TEXT,
                    "problem": {**_TEXT, "description": "Our code, where `code` is OpenAI's."},
                },
            }
        },
    }

    @override
    def status(self, api_error: type[ApiError]) -> int:
        """Return the status; clients know no 422, and say of a 400 that the request is wrong."""
        status = problems.status_of(api_error)
        return HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else status

    @override
    def headers(self, api_error: ApiError, request: "flask.Request") -> Mapping[str, str]:
        """Return the headers: clients try a conflict again by themselves, of use only while the first is at work."""
        conflict = self.status(type(api_error)) == HTTPStatus.CONFLICT and type(api_error) is not IdempotencyKeyInFlight
        return {**api_error.headers, **({"x-should-retry": "false"} if conflict else {})}

    @override
    def body(self, api_error: ApiError, request: "flask.Request") -> JsonValue:
        """Return the error's message and codes, and the first field that is wrong."""
        status = self.status(type(api_error))
        kind, code = _KINDS.get(status, "invalid_request_error"), api_error.code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            kind = "server_error"
        if status == HTTPStatus.UNAUTHORIZED:
            code = "invalid_api_key"
        message, param = api_error.detail, None
        if api_error.errors:
            first = api_error.errors[0]
            message, param = first.message, _parameter(first.pointer)
            code = "missing_required_parameter" if first.code == "missing" else code
        return {"error": {"message": message, "type": kind, "param": param, "code": code, "problem": api_error.code}}


_KINDS: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}

PROTOCOL: Final = OpenResponses()


def _parameter(pointer: str) -> str:
    """Return a place in the request as clients write it: `input[0].content`."""
    parts = pointer.lstrip("?/").split("/")
    return "".join(f"[{each}]" if each.isdigit() else f".{each}" for each in parts).lstrip(".")


class ResponseObject(Answer):
    """A response."""

    schema: ClassVar[dict[str, JsonValue]] = {
        "type": _OBJECT,
        "required": ["id", "object", "created_at", "status", "model", "output", "error", "usage"],
        "properties": {
            "id": _TEXT,
            "object": {"const": "response"},
            "created_at": {"type": "integer"},
            "status": {"enum": ["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]},
            "model": _TEXT,
            "output": {"type": "array", "items": {"type": _OBJECT}},
            "error": {"type": [_OBJECT, "null"]},
            "usage": {"type": [_OBJECT, "null"]},
        },
    }


class ResponseStream(RunStream):
    """The events of a response."""

    tells_retry = False


def find(db: SharedDb, response_id: str, of: Of) -> tuple[Named, Run]:
    """Return a response's id and its run. Raises ResponseNotFound."""
    named = names.named(response_id)
    if named is None:
        raise ResponseNotFound
    try:
        return named, reading.find(db, named.run_id, of)
    except RunNotFound:
        raise ResponseNotFound from None


def read(db: SharedDb, named: Named, run: Run) -> Translator:
    """Return a response as far as its run has come. Raises ResponseNotFound if it has not begun, or is forgotten."""
    translator = Translator(facts(run), named)
    for event in reading.all_events(db, run.id):
        translator.feed(event)
        if translator.ended:
            break
    if not translator.status:
        raise ResponseNotFound
    return translator


def waited(transactions: RunTransactions, named: Named) -> Waiting:
    """Return a response when its agent has nothing more to say, or else as it is when the time is over."""

    def made(db: SharedDb, run: Run) -> ResponseObject:
        return ResponseObject(read(db, named, run).response())

    return run_stream.waiting(transactions, named.run_id, made, seconds=SECONDS)


def streamed(
    transactions: RunTransactions, caller: User, named: Named, run: Run, *, after: int | None = None
) -> ResponseStream:
    """Return a response's events with higher numbers than `after`; None for all."""
    translator = Translator(facts(run), named)
    known = -1 if after is None else after

    def translate(event: RunEvent) -> Iterable[Frame]:
        for each in translator.feed(event):
            if int(str(each["sequence_number"])) > known:
                yield Frame(json.dumps(each, ensure_ascii=False), event=str(each["type"]))

    return ResponseStream(
        transactions,
        run.id,
        caller,
        translate=translate,
        ends=PAUSED,
        over=lambda: translator.ended,
        closing=lambda: (Frame("[DONE]"),),
    )
