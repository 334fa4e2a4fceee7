"""Links of ours that need no token: with one, anybody does the one thing that it is for, until a time that it names.

They lead to what is kept in a folder; a store that is reached over the network gives out links of its own.
"""

import time
from typing import Final
from urllib.parse import urlencode

from events import envelope
from functions.domain import signatures

KEYS_NAME: Final = "export-link-keys"
"""The secret that holds the keys, one a line, in Base64. The first signs, and any will do to check."""


def give(path: str, purpose: str, told: str, until: int, **query: int) -> str:
    """Return the URL of a path that is good for a purpose until then, in seconds since 1970.

    `told` says what it is for, with whatever of the path and the query is not to be changed.
    """
    signature = signatures.sign(KEYS_NAME, purpose, f"{told}.{until}")
    return f"{envelope.api()}{path}?{urlencode({**query, 'expires': until, 'signature': signature})}"


def is_good(purpose: str, told: str, expires: int, signature: str) -> bool:
    """Return whether a link was given out that is good for this until then, and that time hasn't come."""
    return signatures.is_signed(KEYS_NAME, purpose, f"{told}.{expires}", signature) and expires > time.time()
