"""Who publishes events, and what they were given."""

from dataclasses import dataclass
from typing import Final

KEY_PREFIX: Final = "botberi_pk_"
"""What every publisher's key begins with, so that a scanner for secrets knows one when it sees it."""


@dataclass(frozen=True)
class Principal:
    """Who publishes, and what they were given."""

    id: str
    """`usr_…` or `pub_…`."""
    scopes: frozenset[str]
    sources: tuple[str, ...]
    """Those that they may name, and what is below them; the first is theirs when they name none."""
    types: frozenset[str] = frozenset()
    """The only types that they may publish; empty for all that their scopes allow."""


def is_key(token: str) -> bool:
    """Tell whether a token is meant to be a publisher's key."""
    return token.startswith(KEY_PREFIX)
