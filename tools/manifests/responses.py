"""Every problem that an endpoint may answer with: those that its handler declares, and those its parameters imply."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final, get_origin

from functions.domain import api_errors
from functions.domain.api_errors import ApiError
from functions.domain.idempotency import IdempotencyKeyReused
from functions.runtime import idempotency, problems
from functions.runtime.declarations import Declaration
from functions.runtime.endpoint import takes_idempotency_key
from functions.runtime.routes import RouteNotFound
from functions.runtime.transport import FunctionOverloaded, FunctionTimeout, FunctionUnavailable, Internal
from functions.schemas.base import Cached, Reply

_IDEMPOTENT: Final = (
    idempotency.IdempotencyKeyMalformed,
    idempotency.IdempotencyKeyInFlight,
    IdempotencyKeyReused,
)


_AT_THE_EDGE: Final = (api_errors.TooMany, FunctionUnavailable, FunctionOverloaded, FunctionTimeout)
"""What the edge may answer to any request that is as it should be."""


def documented_errors(declaration: Declaration) -> dict[int, dict[str, type[ApiError]]]:
    """Return the problems that an endpoint, or the edge in front of it, may answer with, as `errors_by_status` does.

    Of an endpoint that speaks a protocol of others only those are problems that the edge answers, and the host where a
    value in the path makes it another address.
    """
    every = _api_errors(declaration)
    own = [each for each in every if declaration.protocol is None or each is RouteNotFound]
    return _by_status((*own, *_AT_THE_EDGE), problems.status_of)


def errors_by_status(declaration: Declaration) -> dict[int, dict[str, type[ApiError]]]:
    """Return the errors of an endpoint: by HTTP status, then by code, both sorted. 500 and 422 are always there.

    They are problems, unless the endpoint speaks a protocol that has statuses and words of its own for them.
    """
    protocol = declaration.protocol
    return _by_status(_api_errors(declaration), problems.status_of if protocol is None else protocol.status)


def _by_status(
    every: Iterable[type[ApiError]], status_of: Callable[[type[ApiError]], int]
) -> dict[int, dict[str, type[ApiError]]]:
    found: dict[int, dict[str, type[ApiError]]] = defaultdict(dict)
    for api_error in every:
        found[status_of(api_error)][api_error.code] = api_error
    return {status: dict(sorted(found[status].items())) for status in sorted(found)}


def _api_errors(declaration: Declaration) -> Iterator[type[ApiError]]:
    # A parameter that no endpoint knows is refused everywhere.
    yield api_errors.Invalid
    yield Internal
    yield from declaration.errors
    for parameter in declaration.all_parameters:
        yield from parameter.errors
    if takes_idempotency_key(declaration):
        yield from _IDEMPOTENT
    if has_etag(declaration) and declaration.method == "GET":
        yield api_errors.PreconditionFailed


def has_etag(declaration: Declaration) -> bool:
    """Return whether an endpoint's reply has an ETag."""
    reply = declaration.reply
    return get_origin(reply) is Cached or (isinstance(reply, type) and getattr(reply, "etag", None) is not Reply.etag)
