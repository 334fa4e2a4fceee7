"""API errors: the problem types that endpoints answer with.

An API error's `code` is its class name in snake case and part of the public API; its docstring is the message that
people read. The classes below the base are kinds; one place of the runtime tells which HTTP status each kind answers
with.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field: a JSON Pointer to it, a stable code, and a sentence."""

    pointer: str
    """RFC 6901, into the request's body (`/config/greeting`), or `?name` for a query parameter."""
    code: str
    message: str


BAD_CURSOR: Final = FieldError("?cursor", "bad_cursor", "This is not a next_cursor of this list.")


class ApiError(Exception):
    """The request is refused."""

    code: ClassVar[str] = "api_error"
    headers: ClassVar[dict[str, str]] = {}
    commits: ClassVar[bool] = False
    """Whether what was written before the API error is kept: refusing is then itself an act, such as ending a session.
    """

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        """`detail` says more about this one case; it is public. `errors` names fields."""
        super().__init__(detail or self.message())
        self.detail = detail or self.message()
        self.errors = tuple(errors)
        self.about: tuple[str, ...] = ()
        """Ids of what was refused, for the audit trail: no answer tells them."""

    def __init_subclass__(cls) -> None:
        """Derive the code from the class's name."""
        cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def message(cls) -> str:
        """Return the public sentence: the first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]


class Malformed(ApiError):
    """The request can't be read."""


class Unauthenticated(ApiError):
    """Log in first: the access token is missing, malformed, expired or revoked."""

    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="botberi"'}


class Forbidden(ApiError):
    """Your account may not do this."""


class NotFound(ApiError):
    """There is no such thing, or it isn't yours."""


class Conflict(ApiError):
    """The request contradicts the present state."""


class Gone(ApiError):
    """This was there, and was taken away for good."""


class PreconditionFailed(ApiError):
    """The resource has changed since you read it: read it again, then repeat the change with its new ETag."""


class PreconditionRequired(ApiError):
    """Send If-Match with the ETag of what you read, so that nobody's change is overwritten unseen."""


class TooLarge(ApiError):
    """The body is larger than this endpoint takes."""


class UnsupportedMediaType(ApiError):
    """Send JSON, with Content-Type: application/json."""


class Invalid(ApiError):
    """The request was understood, but its contents aren't valid: `errors` names each field."""


class TooMany(ApiError):
    """Too many requests: wait as long as Retry-After says."""


class Unavailable(ApiError):
    """Something that this needs isn't available just now: try again shortly."""

    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}


class BadGateway(ApiError):
    """Something behind this endpoint gave an answer that makes no sense."""


def every(base: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    """Yield every API error that has been imported, `base` included."""
    yield base
    for child in base.__subclasses__():
        yield from every(child)
