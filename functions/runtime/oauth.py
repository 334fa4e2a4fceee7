"""OAuth 2.0: how its endpoints tell clients what is refused (RFC 6749, section 5.2, and RFC 8628, section 3.5)."""

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import JsonValue
from typing_extensions import override

from functions.domain.api_errors import ApiError, Malformed
from functions.runtime import problems
from functions.runtime.protocols import Protocol

if TYPE_CHECKING:
    import flask

_OWN: Final = frozenset(
    {
        *("authorization_pending", "slow_down", "access_denied", "expired_token"),
        *("invalid_grant", "unsupported_grant_type", "invalid_scope", "invalid_target", "unsupported_token_type"),
    }
)
"""Codes that OAuth has, and that API errors are named after."""

_OTHERS: Final = {
    "account_suspended": "access_denied",
    "account_deleted": "access_denied",
    "code_reused": "invalid_grant",
    "refresh_token_reused": "invalid_grant",
}

_AS_THEY_ARE: Final = frozenset(
    {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.TOO_MANY_REQUESTS}
)

_TEXT: Final[dict[str, JsonValue]] = {"type": "string"}


class UnsupportedGrantType(Malformed):
    """This grant isn't given here: see which are in the description of this address."""


class UnsupportedTokenType(Malformed):
    """Access tokens can't be revoked alone: revoke the refresh token, and they end with it."""


class OAuth(Protocol):
    """Errors as clients of OAuth read them: by `error`."""

    schema: ClassVar[dict[str, JsonValue]] = {
        "type": "object",
        "required": ["error", "error_description", "problem"],
        "properties": {
            "error": _TEXT,
            "error_description": _TEXT,
            "problem": {**_TEXT, "description": "Our code, where `error` is OAuth's."},
        },
    }

    @override
    def status(self, api_error: type[ApiError]) -> int:
        """Return the status: 400 for whatever is wrong with a request, but for what any server may refuse."""
        status = problems.status_of(api_error)
        return status if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _AS_THEY_ARE else 400

    @override
    def body(self, api_error: ApiError, request: "flask.Request") -> JsonValue:
        """Return OAuth's code, ours, and a sentence that has the fields that are wrong."""
        # Our own sentence would speak of `errors`, which aren't there.
        wrong = [f"{each.pointer.lstrip('/')}: {each.message}." for each in api_error.errors]
        return {
            "error": _error(api_error),
            "error_description": " ".join(wrong) or api_error.detail,
            "problem": api_error.code,
        }


def _error(api_error: ApiError) -> str:
    if api_error.code in _OWN:
        return api_error.code
    if problems.status_of(type(api_error)) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "server_error"
    return _OTHERS.get(api_error.code, "invalid_request")


PROTOCOL: Final = OAuth()
