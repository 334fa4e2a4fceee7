"""Principals: who publishes events, and the sources and types granted to them."""

from dataclasses import dataclass
from typing import Final

KEY_PREFIX: Final = "botberi_pk_"
"""The beginning of every publisher's key, by which scanners for secrets can find one."""


@dataclass(frozen=True)
class Principal:
    """An account or publisher, with its scopes and the sources and types granted to it."""

    id: str
    """`usr_…` or `pub_…`."""
    scopes: frozenset[str]
    sources: tuple[str, ...]
    """The sources granted, each with everything below it; the first is the default."""
    types: frozenset[str] = frozenset()
    """The only types that they may publish; empty for all that their scopes allow."""


def is_key(token: str) -> bool:
    """Return whether a token is meant to be a publisher's key."""
    return token.startswith(KEY_PREFIX)
