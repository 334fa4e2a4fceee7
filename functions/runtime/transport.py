"""What is refused before any function is asked: by the server that reads the request, and by the edge."""

from typing import Final

from functions.domain.refusals import Malformed, Refusal, Unavailable


class Internal(Refusal):
    """Something went wrong on our side: report it with the trace_id."""


class UriTooLong(Refusal):
    """The address is too long."""


class HeadersTooLarge(Refusal):
    """The headers are too many, or too large."""


class UnknownMethod(Refusal):
    """There is no such method in HTTP."""


class UnknownTransferCoding(Refusal):
    """The transfer encoding of the body is none that is understood: send it chunked, or with its length."""


class HttpVersionUnsupported(Refusal):
    """The version of HTTP is none that is understood: use 1.1."""


class FunctionUnavailable(Unavailable):
    """The function that answers this isn't there just now, or is starting: try again shortly."""


class FunctionOverloaded(Unavailable):
    """More requests wait for the function than it takes: try again shortly."""


class FunctionTimeout(Refusal):
    """This took too long: read what became of it before you try again."""


SERVER_REFUSALS: Final[tuple[type[Refusal], ...]] = (
    *(Internal, Malformed, UriTooLong, HeadersTooLarge, UnknownMethod, UnknownTransferCoding, HttpVersionUnsupported),
)
"""What the server refuses requests with that it can't hand to a function."""
