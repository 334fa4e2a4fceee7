"""Refresh tokens: a session's id, a counter, a secret of the session, and a proof that this token was given out.

The proof is the HMAC of counter and secret, under a key that stays with the session; of the secret only a hash is
kept. So whoever holds a token can't make a later one, for want of the key, and whoever reads the database can't make
any, for want of the secret. The server can check a token of any counter, and thus tells a spent one from a made up one.
"""

import base64
import binascii
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass, replace
from typing import Final, Self

from functions.domain.api_errors import Unauthenticated

_FORM: Final = struct.Struct("!16sI16s32s")
"""The session's UUID, the counter, the secret and the proof."""

_PREFIX: Final = "rt_"


class RefreshTokenInvalid(Unauthenticated):
    """This is not a refresh token of a session: log in again."""


@dataclass(frozen=True)
class RefreshToken:
    """One of a session's refresh tokens."""

    session_id: str
    """`ses_…`"""
    counter: int
    """How many tokens the session had before this one."""
    secret: bytes
    """The same in all tokens of the session."""
    proof: bytes

    @classmethod
    def first(cls, session_id: str, key: str) -> Self:
        """Return the first token of a session."""
        return cls(session_id, 0, os.urandom(16), b"").at(0, key)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the token in a text. Raises RefreshTokenInvalid unless it has the form in which it was given out."""
        try:
            encoded = text.removeprefix(_PREFIX).encode("ascii")
            session, *values = _FORM.unpack(base64.b64decode(encoded + b"=", b"-_", validate=True))
        except (ValueError, binascii.Error, struct.error):
            raise RefreshTokenInvalid from None
        token = cls(f"ses_{session.hex()}", *values)
        # Base64 has several texts for the same bytes, of which a session must have given out only one.
        if str(token) != text:
            raise RefreshTokenInvalid
        return token

    def __str__(self) -> str:
        """Return the token as its holder sees it."""
        session = bytes.fromhex(self.session_id.removeprefix("ses_"))
        packed = _FORM.pack(session, self.counter, self.secret, self.proof)
        return _PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @property
    def secret_hash(self) -> str:
        """The SHA-256 of the session's secret in hex, which the database has in its place."""
        return hashlib.sha256(self.secret).hexdigest()

    def at(self, counter: int, key: str) -> Self:
        """Return the session's token with another counter; `key` is the session's, in hex."""
        proof = hmac.digest(bytes.fromhex(key), struct.pack("!I", counter) + self.secret, "sha256")
        return replace(self, counter=counter, proof=proof)

    def was_given_out(self, secret_hash: str, counter: int, key: str) -> bool:
        """Return whether the session gave this token out: its newest, which has `counter`, or an earlier one."""
        mine = hmac.compare_digest(self.secret_hash, secret_hash) and self.counter <= counter
        return mine and hmac.compare_digest(self.proof, self.at(self.counter, key).proof)


def new_key() -> str:
    """Return a key for the proofs of a new session, in hex."""
    return os.urandom(32).hex()
