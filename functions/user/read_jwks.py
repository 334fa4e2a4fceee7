"""GET /.well-known/jwks.json: the public keys with which anyone can check an access token."""

from functions.domain.accounts import keys
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.schemas.public_keys import PublicKeySet


@endpoint("GET", "/.well-known/jwks.json", resources=Resources(secrets=(keys.PUBLIC,)))
def read_jwks() -> PublicKeySet:
    """Return the public keys, two of them; anyone may ask, and keep them for five minutes."""
    return PublicKeySet.model_validate({"keys": keys.public_keys()})
