"""Functions that share a deployment where few deployments are allowed (OpenFaaS Community Edition: fifteen)."""

from collections.abc import Iterable
from typing import Final

from functions.runtime.declarations import Declaration

LIMIT: Final = 14
"""One less than the Community Edition's, for the agent host."""


class TooManyGroupsError(Exception):
    """The functions don't fit into the deployments that the Community Edition allows."""


def group_of(declaration: Declaration) -> str:
    """Return the deployment: the API, and on the user API the noun too (`user-agents`, `user-auth`).

    Subscribers are all in one, so that the dispatcher finds each of them by one form of address.
    """
    if declaration.api != "user":
        return declaration.api
    noun = next(part for part in declaration.path.split("/") if part and part != "v1")
    return f"user-{noun.strip('.').replace('_', '-')}"


def groups(declarations: Iterable[Declaration]) -> dict[str, list[Declaration]]:
    """Return the functions of each deployment, sorted by its name."""
    found: dict[str, list[Declaration]] = {}
    for each in sorted(declarations, key=lambda each: (group_of(each), each.name)):
        found.setdefault(group_of(each), []).append(each)
    if len(found) > LIMIT:
        message = f"{len(found)} groups of functions, where the Community Edition allows {LIMIT}: {', '.join(found)}"
        raise TooManyGroupsError(message)
    return found
