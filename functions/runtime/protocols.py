"""Protocols of others: how what is refused is told to clients that speak them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import flask
from pydantic import JsonValue

from functions.domain.api_errors import ApiError
from functions.runtime import problems


class Protocol(ABC):
    """How an endpoint that speaks a protocol answers what it refuses, given as `protocol` to `@endpoint`.

    That is every API error: of the handler, of its parameters (401, 404, 415, 422 and so on), and the 500 of a bug.
    What the edge and the host refuse, which know no endpoint, stays a problem.
    """

    media_type: ClassVar[str] = "application/json"
    """The Content-Type of an error."""
    schema: ClassVar[dict[str, JsonValue]] = {"type": "object"}
    """The JSON Schema of an error, for the OpenAPI document."""
    any_headers: ClassVar[bool] = False
    """Whether a request may have headers whose names can't be known, which the edge then lets pass."""

    def audiences(self, request: flask.Request) -> tuple[str, ...]:  # noqa: ARG002 - others need it
        """Return for whom access tokens of OAuth's clients may be, beside those of people for the whole API."""
        return ()

    def status(self, api_error: type[ApiError]) -> int:
        """Return the HTTP status of an API error."""
        return problems.status_of(api_error)

    def headers(self, api_error: ApiError, request: flask.Request) -> Mapping[str, str]:  # noqa: ARG002 - others need it
        """Return the headers that go with an API error."""
        return api_error.headers

    @abstractmethod
    def body(self, api_error: ApiError, request: flask.Request) -> JsonValue:
        """Return the JSON of an API error. The request's body can be had by `request.get_data()` if it was read."""
