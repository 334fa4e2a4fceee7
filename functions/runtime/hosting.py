"""What a host serves: the functions it is told to, each loaded through functions-framework.

A deployment of one function and the local run of many of them are this same host. It answers health, and routes by
method and path to the endpoints that a listener shows. Subscribers have no address that people reach: they are behind a
listener of their own, or in a deployment that holds nothing else. A function is called with the request that
functions-framework would give it, past the framework's own application: docs/decisions has what that saves.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import flask
from werkzeug.wrappers import Request

from core import context
from functions.domain.api_errors import ApiError
from functions.runtime import docs_page, functions, metrics
from functions.runtime.declarations import APIS, Declaration
from functions.runtime.endpoint import Function
from functions.runtime.responses import error_response
from functions.runtime.routes import RouteNotFound, match, ordered

READY: Final = "/_/ready"
"""Where a deployment says that it can be called; below a subscriber's address, where there are several."""

HEALTH: Final = ("/_/health", READY)

_OK: Final = flask.Response("ok", mimetype="text/plain")

SUBSCRIBERS: Final = "subscribers"
"""The API of those whom only the dispatcher calls."""

_UNROUTABLE: Final = re.compile(r"//|[\x00-\x1f\x7f\\]|/\.\.?(/|$)")
"""What some program on the way would make another path of: a router, a proxy, or the framework."""

_HIDDEN: Final = re.compile(r"%(2f|2e|5c)", re.IGNORECASE)
"""A slash, a dot or a backslash that is one only for who decodes before it looks."""


class Host:
    """A WSGI application over several functions."""

    def __init__(self, files: Iterable[Path], apis_by_port: Mapping[str, str]) -> None:
        """Serve `files`; a port of `apis_by_port` shows that API alone.

        For `subscribers` that is each subscriber under `/function/<name>`. A port that isn't named shows every endpoint
        and the host's metrics; where there are subscribers alone, it shows them: a single one at `/`.
        """
        self.apis_by_port = apis_by_port
        self.functions: dict[str, Function] = {}
        self.declarations: list[Declaration] = []
        for file in files:
            declaration, function = functions.load(file)
            self.declarations.append(declaration)
            self.functions[declaration.name] = function
        self.endpoints = ordered(each for each in self.declarations if each.api != SUBSCRIBERS)
        self.subscribers = {
            f"/function/{each.deployment}": each for each in self.declarations if each.api == SUBSCRIBERS
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "/")
        if path in HEALTH:
            return _OK(environ, start_response)
        try:
            response = self._response(environ, path)
        except ApiError as api_error:
            response = _refused(api_error, environ)
        return response(environ, start_response)

    def _response(self, environ: WSGIEnvironment, path: str) -> WSGIApplication:
        if _UNROUTABLE.search(path) or _HIDDEN.search(environ.get("RAW_URI", "").partition("?")[0]):
            raise RouteNotFound
        api = self.apis_by_port.get(environ.get("SERVER_PORT", ""))
        if api is None and path == metrics.PATH:
            return flask.Response(metrics.text(), content_type=metrics.CONTENT_TYPE)
        if api not in (None, SUBSCRIBERS) and docs_page.serves(path):
            return docs_page.answer(api, Request(environ))
        if api == SUBSCRIBERS or (api is None and not self.endpoints):
            if self._is_probe(path):
                return _OK
            return self._called(environ, path, alone=api is None and len(self.declarations) == 1)
        shown = [each for each in self.endpoints if api in (None, each.api)]
        declaration, _ = match(shown, environ["REQUEST_METHOD"], path)
        return self.functions[declaration.name](flask.Request(environ))

    def _is_probe(self, path: str) -> bool:
        address = path.removesuffix(READY)
        return address != path and address in self.subscribers

    def _called(self, environ: WSGIEnvironment, path: str, *, alone: bool) -> WSGIApplication:
        """Call the subscriber whose address this is; one that has paths of its own sees what is below its address."""
        for address, declaration in self.subscribers.items():
            base = "" if alone else address
            function = self.functions[declaration.name]
            if declaration.path == "/":
                if path == (base or "/"):
                    return function(flask.Request(environ))
            elif path.startswith(f"{base}/"):
                return function(flask.Request(environ | {"SCRIPT_NAME": base, "PATH_INFO": path.removeprefix(base)}))
        raise RouteNotFound


def _refused(api_error: ApiError, environ: WSGIEnvironment) -> WSGIApplication:
    with context.entered(context.Context.start(environ.get("HTTP_TRACEPARENT"))):
        response = error_response(api_error)
        response.headers["X-Request-Id"] = context.current().trace_id
    return response


def create(names: Iterable[str], apis_by_port: Mapping[str, str] | None = None) -> Host:
    """Build the host for some functions by name (`login`), or for all of them without a name."""
    wanted = set(names)
    every = list(functions.files(APIS))
    unknown = wanted - {file.stem for file in every}
    if unknown:
        message = f"there is no function {', '.join(sorted(unknown))} under {functions.ROOT}"
        raise SystemExit(message)
    return Host([file for file in every if not wanted or file.stem in wanted], apis_by_port or {})
