"""GET /.well-known/card-keys.json: the public keys with which anyone can check the signature of an A2A card."""

from functions.domain.a2a import card_keys
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.schemas.public_keys import PublicKeySet


@endpoint("GET", "/.well-known/card-keys.json", resources=Resources(secrets=(card_keys.NAME,)))
def read_card_keys() -> PublicKeySet:
    """Return the public keys, by each of which a card is signed; anyone may ask, and keep them for five minutes.

    They sign no access tokens.
    """
    return PublicKeySet.model_validate({"keys": card_keys.public_keys()})
