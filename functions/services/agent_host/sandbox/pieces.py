"""An agent that yields: what comes out of its iterator is sent piece by piece, each as soon as it is there."""

import io
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Final, cast

import flask
from flask.typing import ResponseReturnValue, RouteCallable

CONTENT_TYPE: Final = "application/x-ndjson"

Piece = object
"""A text, or an event as a dictionary: whatever the author's code yields."""


def stream(app: flask.Flask) -> None:
    """Have the application send what its functions yield. functions-framework would take dictionaries for bytes."""
    for name, view in app.view_functions.items():
        app.view_functions[name] = _streaming(app, view)


def _streaming(app: flask.Flask, view: RouteCallable) -> Callable[..., ResponseReturnValue]:
    answering: Callable[..., object] = view

    def answer(**arguments: object) -> ResponseReturnValue:
        answered = answering(**arguments)
        if isinstance(answered, Coroutine):
            answered.close()
        if isinstance(answered, AsyncIterator | Coroutine):
            raise TypeError("agent() is asynchronous, by `async def`: only plain functions and generators are run")
        if not isinstance(answered, Iterator) or isinstance(answered, io.IOBase):
            return cast("ResponseReturnValue", answered)
        # What is raised before the first piece is told as of a function that yields nothing.
        first = next(answered, _NOTHING)
        pieces = flask.stream_with_context(_lines(app, first, answered))
        return flask.Response(pieces, content_type=CONTENT_TYPE)

    return answer


_NOTHING: Final = object()


def _lines(app: flask.Flask, first: Piece, rest: Iterator[Piece]) -> Iterator[bytes]:
    try:
        if first is not _NOTHING:
            yield _line(first)
            for piece in rest:
                yield _line(piece)
    except Exception as error:
        # In Flask's words for a function that raises it at once.
        app.logger.exception("Exception on %s [%s]", flask.request.path, flask.request.method)
        yield _line({"type": "error", "text": f"{type(error).__name__}: {error}"})
    finally:
        close = getattr(rest, "close", None)
        if close is not None:
            close()


def _line(piece: Piece) -> bytes:
    if not isinstance(piece, str | dict):
        raise TypeError(f"agent() yielded {type(piece).__name__}: a piece of an answer is a str, or an event as a dict")
    try:
        return json.dumps(piece, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        # Half a surrogate pair can be written by an escape alone.
        return json.dumps(piece).encode() + b"\n"
