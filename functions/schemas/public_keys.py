"""Sets of public keys, with which anyone can check what was signed by us."""

import hashlib
from typing import ClassVar

from functions.schemas.base import Reply


class PublicKey(Reply):
    """A key as a JWK (RFC 7517, RFC 8037)."""

    kid: str
    kty: str
    crv: str
    x: str
    use: str
    alg: str


class PublicKeySet(Reply):
    """The keys that are valid now: what is signed names its own by `kid`."""

    cache_control: ClassVar[str] = "public, max-age=300"

    keys: tuple[PublicKey, ...]

    def etag(self) -> str:
        """Return a hash of the keys' ids."""
        return hashlib.sha256(" ".join(key.kid for key in self.keys).encode()).hexdigest()[:32]
