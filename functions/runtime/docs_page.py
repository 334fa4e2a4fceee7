"""Swagger UI and the OpenAPI document of a surface, from copies that come with the project."""

from collections.abc import Callable, Iterable

from werkzeug.wrappers import Request

from functions.runtime.routes import RouteNotFound


def serves(path: str) -> bool:
    """Tell whether `path` belongs to the documentation page."""
    return path in {"/docs", "/openapi.json"} or path.startswith("/docs/")


def answer(surface: str, request: Request) -> Callable[..., Iterable[bytes]]:
    """Return the page, one of its files, or the document."""
    raise RouteNotFound
