"""GET /.well-known/card-keys.json: the public keys with which anyone can check the signature of an A2A card."""

import hashlib
from typing import ClassVar

from functions.domain.a2a import card_keys
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Reply


class CardKey(Reply):
    """A key as a JWK (RFC 7517, RFC 8037)."""

    kid: str
    kty: str
    crv: str
    x: str
    use: str
    alg: str


class CardKeySet(Reply):
    """Those by which cards are signed: by each of them."""

    cache_control: ClassVar[str] = "public, max-age=300"

    keys: tuple[CardKey, ...]

    def etag(self) -> str:
        """Return a hash of the keys' ids."""
        return hashlib.sha256(" ".join(key.kid for key in self.keys).encode()).hexdigest()[:32]


@endpoint("GET", "/.well-known/card-keys.json", resources=Resources(secrets=(card_keys.NAME,)))
def read_card_keys() -> CardKeySet:
    """Return the public keys; anyone may ask, and keep them for five minutes. They sign no access tokens."""
    return CardKeySet.model_validate({"keys": card_keys.public_keys()})
