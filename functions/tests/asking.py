"""A well-formed request to any endpoint, made from the examples in its own declaration, and what it is answered."""

from functools import cache
from typing import Any
from urllib.parse import urlencode

from functions.runtime.declarations import Declaration
from functions.runtime.providers.path import PathValue
from testing.clients import Api, Client
from testing.responses import Response
from tools.documents import Document
from tools.manifests.openapi import operation
from tools.manifests.schemas import Schemas


def client_of(api: Api, declaration: Declaration) -> Client:
    client = getattr(api, declaration.api)
    assert isinstance(client, Client)
    return client


def path_of(declaration: Declaration, **values: str) -> str:
    """Return the path with `values` in it, and examples where none is given."""
    return declaration.path.format_map(examples_of(declaration) | values)


@cache
def examples_of(declaration: Declaration) -> dict[str, Any]:
    """Return an example of each value in the path."""
    schemas = Schemas([declaration])
    return {
        parameter.name: schemas.example(parameter.schema())
        for parameter in declaration.all_parameters
        if isinstance(parameter, PathValue)
    }


@cache
def described(declaration: Declaration) -> Any:
    """Return how the document describes an endpoint, once for all who ask it."""
    return operation(declaration, Schemas([declaration]))


def content_of(declaration: Declaration) -> Document:
    """Return an example of the body for each media type that it may have."""
    content = described(declaration).get("requestBody", {}).get("content", {})
    return {media_type: each["example"] for media_type, each in content.items()}


def body_of(declaration: Declaration) -> Any:
    """Return the example of the body in its first media type, or None where there is no body."""
    return next(iter(content_of(declaration).values()), None)


def with_query(declaration: Declaration, path: str) -> str:
    """Return a path with examples of what its query can't do without."""
    parameters = described(declaration).get("parameters", [])
    needed = [each for each in parameters if each["in"] == "query" and each["required"]]
    if not needed:
        return path
    added = urlencode({each["name"]: each["schema"]["examples"][0] for each in needed})
    return f"{path}{'&' if '?' in path else '?'}{added}"


def ask(api: Api, declaration: Declaration, path: str | None = None, **changes: object) -> Response:
    """Send the example request, with `changes`."""
    kinds = list(content_of(declaration))
    headers = {"If-Match": '"1"'} | ({"Content-Type": kinds[0]} if kinds else {})
    request = {"json": body_of(declaration), "headers": headers} | changes
    target = with_query(declaration, path or path_of(declaration))
    return client_of(api, declaration).request(declaration.method, target, **request)


def names(answer: Response, endpoint: Declaration, code: str) -> bool:
    """Return whether an answer names a code: each protocol of others has a place of its own for it."""
    return answer.code == code if endpoint.protocol is None else f'"{code}"' in answer.text
