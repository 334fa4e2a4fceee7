"""The headers If-Match and If-None-Match: the states in which the caller wants to change something, or may say so."""

from collections.abc import Container

from typing_extensions import override
from werkzeug.datastructures import ETags

from functions.domain.api_errors import PreconditionRequired
from functions.runtime.providers.base import Call, Provider, Schema, Schemas, header


class IfMatch(Container[str]):
    """The states, by their ETags without quotes, in which the caller wants to change something: `etag in if_match`.

    A handler with this parameter answers 428 to a request without the header If-Match.
    """

    def __init__(self, wanted: Container[str], unwanted: Container[str] = ()) -> None:
        """`wanted` are those of If-Match, `unwanted` those of If-None-Match."""
        self._wanted = wanted
        self._unwanted = unwanted

    def __contains__(self, etag: object) -> bool:
        """Return whether a state, by its ETag, is one of them."""
        return isinstance(etag, str) and etag in self._wanted and etag not in self._unwanted


class Precondition(Provider):
    """Fills a parameter that is an `IfMatch`."""

    types = (IfMatch,)
    errors = (PreconditionRequired,)

    @override
    def value(self, call: Call) -> IfMatch:
        """Return the states that both headers name. Raises PreconditionRequired without If-Match."""
        request = call.request
        if request.headers.get("If-Match") is None:
            raise PreconditionRequired
        unwanted = request.if_none_match
        return IfMatch(() if unwanted.star_tag else request.if_match, unwanted.as_set(include_weak=True))

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the header as a parameter."""
        return {"parameters": [header("If-Match", "The ETag of what you read.", required=True) | {"example": '"1"'}]}


class StateConditions:
    """In which states the caller wants to change something, where it needn't say so: `conditions.hold(etag)`."""

    def __init__(self, wanted: ETags | None, unwanted: ETags) -> None:
        """`wanted` are those of If-Match, or None without that header; `unwanted` those of If-None-Match."""
        self._wanted = wanted
        self._unwanted = unwanted

    def hold(self, etag: str | None) -> bool:
        """Return whether this state is one of them; None is that of what isn't there yet."""
        if etag is None:
            return self._wanted is None
        known = self._unwanted.star_tag or self._unwanted.contains_weak(etag)
        return (self._wanted is None or etag in self._wanted) and not known


class OptionalPrecondition(Provider):
    """`StateConditions`."""

    types = (StateConditions,)

    @override
    def value(self, call: Call) -> StateConditions:
        """Return what the headers If-Match and If-None-Match say."""
        request = call.request
        wanted = None if request.headers.get("If-Match") is None else request.if_match
        return StateConditions(wanted, request.if_none_match)

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the headers as parameters."""
        wanted = header("If-Match", "The ETag of what is to be changed: without it, whatever is there.")
        unwanted = header("If-None-Match", "`*`: only if nothing is there yet.")
        return {"parameters": [wanted, unwanted]}
