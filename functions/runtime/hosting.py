"""What a host serves: the functions it is told to, each loaded through functions-framework.

A deployment of one function and the local run of all of them are this same host. It answers health, routes by method
and path within the surface that a port belongs to, and serves `/function/<name>` as an OpenFaaS gateway does.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import flask
from werkzeug.wrappers import Request

from events import context
from functions.domain.refusals import Refusal
from functions.runtime import docs_page, functions, metrics
from functions.runtime.answers import refused
from functions.runtime.declarations import SURFACES, Declaration
from functions.runtime.routes import RouteNotFound, match

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

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
        self.apps: dict[str, Application] = {}
        self.declarations: list[Declaration] = []
        for file in files:
            declaration, app = functions.load(file)
            self.declarations.append(declaration)
            self.apps[declaration.name] = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        """Answer one request."""
        path = environ.get("PATH_INFO", "/")
        if path in HEALTH:
            return flask.Response("ok", mimetype="text/plain")(environ, start_response)
        with context.entered(context.Context.start(environ.get("HTTP_TRACEPARENT"))):
            # The function continues the trace that the host began when none came along.
            environ["HTTP_TRACEPARENT"] = context.current().traceparent
            # The framework would make one up for each request, character by character.
            environ["HTTP_FUNCTION_EXECUTION_ID"] = context.current().trace_id
            try:
                app = self._app(environ, path)
            except Refusal as refusal:
                app = response = refused(refusal)
                response.headers["X-Request-Id"] = context.current().trace_id
            return app(environ, start_response)

    def _app(self, environ: dict[str, Any], path: str) -> Application:
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

    def _among(self, candidates: list[Declaration], environ: dict[str, Any]) -> Application:
        # A subscriber answers wherever it is called, but only where it is alone: it has no address of its own.
        if len(candidates) == 1 and candidates[0].surface == "subscribers":
            return self.apps[candidates[0].name]
        endpoints = [each for each in candidates if each.surface != "subscribers"]
        declaration, _ = match(endpoints, environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"))
        return self.apps[declaration.name]


def create(names: Iterable[str], surfaces_by_port: Mapping[str, str] | None = None) -> Host:
    """Build the host for some functions by name (`login`), or for all of them without a name."""
    wanted = set(names)
    every = list(functions.files(SURFACES))
    unknown = wanted - {file.stem for file in every}
    if unknown:
        message = f"there is no function {', '.join(sorted(unknown))} under {functions.ROOT}"
        raise SystemExit(message)
    return Host([file for file in every if not wanted or file.stem in wanted], surfaces_by_port or {})
