"""Path templates: which function answers a method and path."""

import re
from collections.abc import Iterable
from functools import cache

from functions.domain.api_errors import ApiError, NotFound
from functions.runtime.declarations import Declaration


class RouteNotFound(NotFound):
    """There is no such address: see /docs for those that there are."""


class MethodNotAllowed(ApiError):
    """This address doesn't take that method: see the Allow header."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """Name the methods that the address takes."""
        super().__init__()
        self.headers = {"Allow": ", ".join(sorted(allowed))}  # type: ignore[misc]


@cache
def expression(template: str) -> re.Pattern[str]:
    """Return the regular expression of a path template such as `/v1/agents/{slug}`."""
    parts = re.split(r"{(\w+)}", template)
    # re.split with a group alternates: literal, name, literal, name, …
    return re.compile("".join(f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts)))


def ordered(declarations: Iterable[Declaration]) -> list[Declaration]:
    """Return them as `match` wants them: `/tasks/{id}:cancel` before `/tasks/{id}`, whose values may have colons."""
    return sorted(declarations, key=lambda each: "}:" not in each.path)


def match(declarations: Iterable[Declaration], method: str, path: str) -> tuple[Declaration, dict[str, str]]:
    """Return the first endpoint for a request and the values in its path. Raises RouteNotFound and MethodNotAllowed."""
    allowed: set[str] = set()
    for declaration in declarations:
        found = expression(declaration.path).fullmatch(path)
        if found is None:
            continue
        if method in declaration.methods:
            # The server has percent-decoded the path: decoding it again would let `%252F` pass for a slash.
            return declaration, found.groupdict()
        allowed |= declaration.methods
    if allowed:
        raise MethodNotAllowed(allowed)
    raise RouteNotFound
