"""A session's refresh token in a cookie: for pages that go on after a reload, and whose scripts never hold the token.

A page asks for it with a header that no other origin may send: it isn't among those that the edge allows.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

from typing_extensions import override
from werkzeug.http import dump_cookie

from functions.domain.api_errors import ApiError, Forbidden
from functions.runtime.declarations import Empty
from functions.runtime.providers.base import Call, Provider, Schema, Schemas, header
from functions.schemas.base import Reply
from functions.schemas.token_pairs import TokenPair

HEADER: Final = "Refresh-Token-In"
"""Asks for it; its value is `cookie`."""

NAME: Final = "__Host-refresh"
"""Browsers take a cookie of such a name only if it is `Secure`, and of this host alone."""

R = TypeVar("R", bound=Reply)
E = TypeVar("E", bound=ApiError)


class OtherOrigin(Forbidden):
    """A refresh token is kept in a cookie for pages of this address alone."""


@dataclass(frozen=True)
class RefreshCookie:
    """What a request says of the cookie."""

    wanted: bool
    """Whether the caller keeps its refresh token there."""
    token: str | None = None
    """The token that is in it."""

    def keep(self, reply: R) -> R:
        """Return a reply, with the refresh token of a pair in the cookie in place of the body, if that is wanted."""
        if not self.wanted or not isinstance(reply, TokenPair) or reply.refresh_token is None:
            return reply
        return reply.model_copy(update={"refresh_token": None, "cookie": _cookie(reply.refresh_token)})

    def drop(self) -> Empty | None:
        """Return the empty answer that takes the cookie away, if there may be one."""
        return Empty(None, headers={"Set-Cookie": _cookie(None)}) if self.wanted else None

    def dropped(self, refused: E) -> E:
        """Return the API error, whose answer takes away the cookie that is of no use any more."""
        if self.wanted:
            refused.headers = {**refused.headers, "Set-Cookie": _cookie(None)}  # type: ignore[misc] # this one's alone
        return refused


def _cookie(token: str | None) -> str:
    """Return the header that sets the cookie until the browser is closed, or takes it away."""
    return dump_cookie(
        NAME, token or "", max_age=None if token else 0, path="/", secure=True, httponly=True, samesite="Strict"
    )


class FromCookie(Provider):
    """Fills a parameter that is a `RefreshCookie`."""

    types = (RefreshCookie,)
    errors = (OtherOrigin,)

    @override
    def value(self, call: Call) -> RefreshCookie:
        """Return what the request says; the cookie isn't looked at without the header. Raises OtherOrigin."""
        request = call.request
        if request.headers.get(HEADER) != "cookie":
            return RefreshCookie(wanted=False)
        told = request.headers
        own = f"{told.get('X-Forwarded-Proto') or request.scheme}://{told.get('X-Forwarded-Host') or request.host}"
        if told.get("Origin") != own:
            raise OtherOrigin
        return RefreshCookie(wanted=True, token=request.cookies.get(NAME))

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the header as a parameter."""
        about = "`cookie`: for a page of this address. The refresh token is in a cookie, and scripts never see it."
        return {"parameters": [header(HEADER, about)]}
