"""A well-formed request to any endpoint, made from the examples in its own declaration."""

from typing import Any

from functions.local.testing.answers import Answer
from functions.local.testing.clients import Api, Client
from functions.manifests.openapi import operation
from functions.manifests.schemas import Schemas, schema_of
from functions.runtime.declarations import Declaration


def client_of(api: Api, declaration: Declaration) -> Client:
    client = getattr(api, declaration.surface)
    assert isinstance(client, Client)
    return client


def path_of(declaration: Declaration, **values: str) -> str:
    """Return the path with `values` in it, and examples where none is given."""
    schemas = Schemas([declaration])
    given = {
        parameter.name: schemas.example(schema_of(parameter.annotation))
        for parameter in declaration.parameters
        if parameter.source == "path"
    }
    return declaration.path.format_map(given | values)


def body_of(declaration: Declaration) -> Any:  # noqa: ANN401 - JSON
    """Return the example of the body, or None where there is no body."""
    described = operation(declaration, Schemas([declaration]))
    if "requestBody" not in described:
        return None
    return described["requestBody"]["content"]["application/json"]["example"]


def ask(api: Api, declaration: Declaration, path: str | None = None, **changes: Any) -> Answer:  # noqa: ANN401 - as `request` takes them
    """Send the example request, with `changes`."""
    request = {"json": body_of(declaration), "headers": {"If-Match": '"1"'}} | changes
    return client_of(api, declaration).request(declaration.method, path or path_of(declaration), **request)
