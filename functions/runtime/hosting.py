"""What a host serves: the functions it is told to, each loaded through functions-framework.

A deployment of one function and the local run of all of them are this same host. It answers health, routes by method
and path within the surface that a port belongs to, and serves `/function/<name>` as an OpenFaaS gateway does. A
function is called with the request that functions-framework would give it, past the framework's own application:
docs/decisions has what that saves.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import flask
from werkzeug.wrappers import Request

from events import context
from functions.domain.refusals import Refusal
from functions.runtime import docs_page, functions, metrics
from functions.runtime.answers import refused
from functions.runtime.declarations import SURFACES, Declaration
from functions.runtime.endpoint import Function
from functions.runtime.routes import RouteNotFound, match
from functions.runtime.wsgi import Application, Environ, StartResponse

HEALTH: Final = ("/_/health", "/_/ready")

_UNROUTABLE: Final = re.compile(r"//|[\x00-\x1f\x7f]")
"""What functions-framework's own router answers with a redirect or a page of its own, in HTML."""


class Host:
    """A WSGI application over several functions."""

    def __init__(self, files: Iterable[Path], surfaces_by_port: Mapping[str, str]) -> None:
        """Serve `files`; a request that arrives on a port of `surfaces_by_port` is routed within that surface.

        Ports that aren't named serve every function, by its own address and by `/function/<name>`.
        """
        self.surfaces_by_port = surfaces_by_port
        self.functions: dict[str, Function] = {}
        self.declarations: list[Declaration] = []
        for file in files:
            declaration, function = functions.load(file)
            self.declarations.append(declaration)
            self.functions[declaration.name] = function

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "/")
        if path in HEALTH:
            return flask.Response("ok", mimetype="text/plain")(environ, start_response)
        try:
            response = self._response(environ, path)
        except Refusal as refusal:
            response = _refused(refusal, environ)
        return response(environ, start_response)

    def _response(self, environ: Environ, path: str) -> Application:
        if _UNROUTABLE.search(path):
            raise RouteNotFound
        surface = self.surfaces_by_port.get(environ.get("SERVER_PORT", ""))
        if surface is None and path == metrics.PATH:
            return flask.Response(metrics.answers.text(), content_type=metrics.CONTENT_TYPE)
        if surface is None and path.startswith("/function/"):
            name, _, rest = path.removeprefix("/function/").partition("/")
            environ["PATH_INFO"] = f"/{rest}"
            named = [each for each in self.declarations if each.deployment == name.replace("_", "-")]
            return self._among(named, environ)
        if surface is not None and docs_page.serves(path):
            return docs_page.answer(surface, Request(environ))
        return self._among([each for each in self.declarations if surface in (None, each.surface)], environ)

    def _among(self, candidates: list[Declaration], environ: Environ) -> Application:
        # A subscriber answers wherever it is called, but only where it is alone: it has no address of its own.
        if len(candidates) == 1 and candidates[0].surface == "subscribers":
            return self._called(candidates[0], environ)
        endpoints = [each for each in candidates if each.surface != "subscribers"]
        declaration, _ = match(endpoints, environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"))
        return self._called(declaration, environ)

    def _called(self, declaration: Declaration, environ: Environ) -> Application:
        return self.functions[declaration.name](flask.Request(environ))


def _refused(refusal: Refusal, environ: Environ) -> Application:
    with context.entered(context.Context.start(environ.get("HTTP_TRACEPARENT"))):
        response = refused(refusal)
        response.headers["X-Request-Id"] = context.current().trace_id
    return response


def create(names: Iterable[str], surfaces_by_port: Mapping[str, str] | None = None) -> Host:
    """Build the host for some functions by name (`login`), or for all of them without a name."""
    wanted = set(names)
    every = list(functions.files(SURFACES))
    unknown = wanted - {file.stem for file in every}
    if unknown:
        message = f"there is no function {', '.join(sorted(unknown))} under {functions.ROOT}"
        raise SystemExit(message)
    return Host([file for file in every if not wanted or file.stem in wanted], surfaces_by_port or {})
