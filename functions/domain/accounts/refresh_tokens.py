"""Refresh tokens: a session's id, a counter, and a secret of which only a hash is kept.

The secrets of a session form a chain: each is the HMAC of the one before, under a key that stays with the session. So
whoever holds a token can't make a later one, and neither can whoever reads the database; but given a token the server
can make all later ones, and thus tell a token that was spent from one that never was.
"""

import base64
import binascii
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass
from typing import Final, Self

from functions.domain.api_errors import Unauthenticated

_FORM: Final = struct.Struct("!16sI32s")
_PREFIX: Final = "rt_"

MAX_STEPS: Final = 100_000
"""How far behind a spent token may be and still be told from one that was made up: two years of tokens."""


class RefreshTokenInvalid(Unauthenticated):
    """This is not a refresh token of a session: log in again."""


@dataclass(frozen=True)
class RefreshToken:
    """One generation of a session's refresh token."""

    session_id: str
    """`ses_…`"""
    counter: int
    """How many tokens the session had before this one."""
    secret: bytes

    @classmethod
    def first(cls, session_id: str) -> Self:
        """Return the first token of a session."""
        return cls(session_id, 0, os.urandom(32))

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a token in the one form in which it was given out, or refuse."""
        try:
            encoded = text.removeprefix(_PREFIX).encode("ascii")
            session, counter, secret = _FORM.unpack(base64.b64decode(encoded + b"==", b"-_", validate=True))
        except (ValueError, binascii.Error, struct.error):
            raise RefreshTokenInvalid from None
        token = cls(f"ses_{session.hex()}", counter, secret)
        if str(token) != text:
            raise RefreshTokenInvalid
        return token

    def __str__(self) -> str:
        """Return the token as its holder sees it."""
        session = bytes.fromhex(self.session_id.removeprefix("ses_"))
        packed = _FORM.pack(session, self.counter, self.secret)
        return _PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @property
    def secret_hash(self) -> str:
        """What is kept of the token."""
        return hashlib.sha256(self.secret).hexdigest()

    def later(self, chain_key: str, steps: int = 1) -> "RefreshToken":
        """Return the token that comes `steps` after this one in its session."""
        key, secret = bytes.fromhex(chain_key), self.secret
        for _ in range(steps):
            secret = hmac.digest(key, secret, "sha256")
        return RefreshToken(self.session_id, self.counter + steps, secret)

    def leads_to(self, secret_hash: str, counter: int, chain_key: str) -> "RefreshToken | None":
        """Return the newest token of the session, if this is it or one before it; None if it was made up."""
        steps = counter - self.counter
        if not 0 <= steps <= MAX_STEPS:
            return None
        newest = self.later(chain_key, steps)
        return newest if hmac.compare_digest(newest.secret_hash, secret_hash) else None


def new_chain_key() -> str:
    """Return the key of a new session's chain."""
    return os.urandom(32).hex()
