"""Every problem that an endpoint may answer with: those that its handler declares, and those its parameters imply."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, get_origin

from functions.domain import refusals
from functions.domain.refusals import Refusal
from functions.runtime import idempotency, problems
from functions.runtime.declarations import Declaration
from functions.runtime.endpoint import takes_idempotency_key
from functions.runtime.transport import FunctionOverloaded, FunctionTimeout, FunctionUnavailable, Internal
from functions.schemas.shapes import Cached, Reply

_IDEMPOTENT: Final = (
    idempotency.IdempotencyKeyMalformed,
    idempotency.IdempotencyKeyInFlight,
    idempotency.IdempotencyKeyReused,
)


_AT_THE_EDGE: Final = (refusals.TooMany, FunctionUnavailable, FunctionOverloaded, FunctionTimeout)
"""What the edge may answer to any request that is as it should be."""


def documented(declaration: Declaration) -> dict[int, dict[str, type[Refusal]]]:
    """Return the problems that an endpoint, or the edge in front of it, may answer with, as `refused_with` does."""
    return _by_status((*_refusals(declaration), *_AT_THE_EDGE))


def refused_with(declaration: Declaration) -> dict[int, dict[str, type[Refusal]]]:
    """Return the problems of an endpoint: by HTTP status, then by code, both sorted. 500 and 422 are always there."""
    return _by_status(_refusals(declaration))


def _by_status(every: Iterable[type[Refusal]]) -> dict[int, dict[str, type[Refusal]]]:
    found: dict[int, dict[str, type[Refusal]]] = defaultdict(dict)
    for refusal in every:
        found[problems.status_of(refusal)][refusal.code] = refusal
    return {status: dict(sorted(found[status].items())) for status in sorted(found)}


def _refusals(declaration: Declaration) -> Iterator[type[Refusal]]:
    # A parameter that no endpoint knows is refused everywhere.
    yield refusals.Invalid
    yield Internal
    yield from declaration.refusals
    for parameter in declaration.all_parameters:
        yield from parameter.refusals
    if takes_idempotency_key(declaration):
        yield from _IDEMPOTENT
    if has_etag(declaration) and declaration.method == "GET":
        yield refusals.PreconditionFailed


def has_etag(declaration: Declaration) -> bool:
    """Tell whether an endpoint's reply has an ETag."""
    reply = declaration.reply
    return get_origin(reply) is Cached or (isinstance(reply, type) and getattr(reply, "etag", None) is not Reply.etag)
