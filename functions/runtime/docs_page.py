"""Swagger UI and the OpenAPI document of an API, from copies that come with the project."""

import mimetypes
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from werkzeug.wrappers import Request, Response

from functions.runtime.routes import MethodNotAllowed, RouteNotFound

OWN: Final = Path(__file__).parent / "swagger"
DOCUMENTS: Final = Path(__file__).parents[2] / "deploy" / "openapi"

PAGE: Final = "index.html"
_OWN_FILES: Final = frozenset({"init.js"})
_PACKAGED_FILES: Final = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Scripts only from here; Swagger UI sets styles of its own on elements."""


def serves(path: str) -> bool:
    """Return whether `path` belongs to the documentation page."""
    return path in {"/docs", "/openapi.json"} or path.startswith("/docs/")


def answer(api: str, request: Request) -> Callable[..., Iterable[bytes]]:
    """Return the page, one of its files, or the document."""
    if request.path == "/docs/":
        # The page's own links are relative, so that it works behind any prefix: they need the address without a slash.
        return Response(status=308, headers={"Location": "../docs"})
    file = _file(api, request.path)
    if request.method not in {"GET", "HEAD"}:
        raise MethodNotAllowed({"GET", "HEAD"})
    response = Response(file.read_bytes(), content_type=_content_type(file))
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)


def _file(api: str, path: str) -> Path:
    name = path.removeprefix("/docs").removeprefix("/")
    if path == "/openapi.json":
        file = DOCUMENTS / f"{api}.json"
    elif path == "/docs":
        file = OWN / PAGE
    elif name in _OWN_FILES:
        file = OWN / name
    elif name in _PACKAGED_FILES:
        file = _package() / name
    else:
        raise RouteNotFound
    if not file.is_file():
        raise RouteNotFound
    return file


def _package() -> Path:
    try:
        import swagger_ui_bundle
    except ModuleNotFoundError:
        raise RouteNotFound from None
    return Path(swagger_ui_bundle.swagger_ui_path)


def _content_type(file: Path) -> str:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return kind if kind.startswith("image/") else f"{kind}; charset=utf-8"
