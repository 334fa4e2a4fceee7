"""What is refused before any function is asked: by the server that reads the request, and by the edge."""

from typing import Final

from functions.domain.api_errors import ApiError, Malformed, Unavailable


class Internal(ApiError):
    """Something went wrong on our side: report it with the trace_id."""


class UriTooLong(ApiError):
    """The address is too long."""


class HeadersTooLarge(ApiError):
    """The headers are too many, or too large."""


class UnknownMethod(ApiError):
    """There is no such method in HTTP."""


class UnknownTransferCoding(ApiError):
    """The transfer encoding of the body is none that is understood: send it chunked, or with its length."""


class HttpVersionUnsupported(ApiError):
    """The version of HTTP is none that is understood: use 1.1."""


class FunctionUnavailable(Unavailable):
    """The function that answers this isn't there just now, or is starting: try again shortly."""


class FunctionOverloaded(Unavailable):
    """More requests wait for the function than it takes: try again shortly."""


class FunctionTimeout(ApiError):
    """This took too long: read what became of it before you try again."""


SERVER_ERRORS: Final[tuple[type[ApiError], ...]] = (
    *(Internal, Malformed, UriTooLong, HeadersTooLarge, UnknownMethod, UnknownTransferCoding, HttpVersionUnsupported),
)
"""The API errors for requests that the server can't hand to a function."""
