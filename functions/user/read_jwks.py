"""GET /.well-known/jwks.json: the public keys with which anyone can check an access token."""

import hashlib
from typing import ClassVar

from functions.domain.accounts import keys
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Reply


class PublicKey(Reply):
    """A key as a JWK (RFC 7517, RFC 8037)."""

    kid: str
    kty: str
    crv: str
    x: str
    use: str
    alg: str


class KeySet(Reply):
    """Two live keys: tokens name theirs by `kid`."""

    cache_control: ClassVar[str] = "public, max-age=300"

    keys: tuple[PublicKey, ...]

    def etag(self) -> str:
        """Return a hash of the keys' ids."""
        return hashlib.sha256(" ".join(key.kid for key in self.keys).encode()).hexdigest()[:32]


@endpoint("GET", "/.well-known/jwks.json", resources=Resources(secrets=(keys.PUBLIC,)))
def read_jwks() -> KeySet:
    """Return the public keys; anyone may ask, and keep them for five minutes."""
    return KeySet.model_validate({"keys": keys.public_keys()})
